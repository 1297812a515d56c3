package jarsign

import (
	"fmt"
	"path"
	"strings"
)

// Files are the names of the entries that carry a signature, as they stand in the JAR.
type Files struct {
	SignatureFile, Block string
	Staples              string // "" without
}

// folder is where a signature's files lie, directly.
const folder = "META-INF/"

// Names returns the names that a new signature gets; staples says whether it has any.
// The block's name tells the algorithm of the key.
func Names(isRSA, staples bool) Files {
	f := Files{SignatureFile: folder + "SIGNER.SF", Block: folder + "SIGNER.EC"}
	if isRSA {
		f.Block = folder + "SIGNER.RSA"
	}
	if staples {
		f.Staples = folder + "SIG-SIGNER.OCR"
	}
	return f
}

// IsSignatureName reports whether an entry is part of a signature by its name: a direct
// child of META-INF, in any letter case, that ends in .SF, .RSA, .EC or .DSA or begins
// with SIG-. Such an entry is not covered by the signature.
func IsSignatureName(name string) bool {
	dir, file := path.Split(name)
	if !strings.EqualFold(dir, folder) {
		return false
	}
	file = upper(file)
	switch path.Ext(file) {
	case ".SF", ".RSA", ".EC", ".DSA":
		return true
	}
	return strings.HasPrefix(file, "SIG-")
}

// Find finds the one signature in the names of a JAR's entries; found is false when
// there is nothing of one. Anything but one signature file, one block beside it and
// perhaps its staples is a *Fault: the JDK would pass over it in silence.
func Find(names []string) (f Files, found bool, err error) {
	var signatureFiles, blocks, others []string
	for _, name := range names {
		if !IsSignatureName(name) {
			continue
		}
		switch path.Ext(upper(name)) {
		case ".SF":
			signatureFiles = append(signatureFiles, name)
		case ".RSA", ".EC":
			blocks = append(blocks, name)
		case ".DSA":
			return f, true, refuse(Weak, name, 0, "DSA signatures are too weak; sign with RSA or ECDSA")
		default:
			others = append(others, name)
		}
	}
	if len(signatureFiles)+len(blocks)+len(others) == 0 {
		return f, false, nil
	}
	if err := onlyOne("signature file", "META-INF/*.SF", signatureFiles); err != nil {
		return f, true, err
	}
	if err := onlyOne("signature block", "META-INF/*.RSA or *.EC", blocks); err != nil {
		return f, true, err
	}
	f = Files{SignatureFile: signatureFiles[0], Block: blocks[0]}
	base := stem(f.SignatureFile)
	if stem(f.Block) != base {
		return f, true, refuse(Invalid, f.Block, 0, "the block belongs to no signature file: %q has another name", f.SignatureFile)
	}
	if strings.HasPrefix(base, "SIG-") {
		return f, true, refuse(Invalid, f.SignatureFile, 0, "the name begins with SIG-, which is reserved")
	}
	for _, name := range others {
		if upper(path.Base(name)) != "SIG-"+base+".OCR" {
			return f, true, refuse(Invalid, name, 0, "only SIG-%s.OCR, with OCSP answers, may begin with SIG-", base)
		}
		f.Staples = name
	}
	return f, true, nil
}

// stem is the name of a signature's file without folder and ending, in capitals.
func stem(name string) string {
	base := path.Base(upper(name))
	return strings.TrimSuffix(base, path.Ext(base))
}

func onlyOne(what, where string, names []string) error {
	switch len(names) {
	case 0:
		return refuse(Invalid, "", 0, "a part of a signature is there, but no %s (%s)", what, where)
	case 1:
		return nil
	}
	return refuse(Invalid, names[1], 0, "there is more than one %s, also %s; a bundle has one signer", what, fmt.Sprintf("%q", names[0]))
}
