import java.io.*;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.Signature;
import java.security.cert.*;
import java.util.*;
import java.util.regex.Pattern;
import java.util.zip.*;
import javax.net.ssl.*;
import net.n3.nanoxml.*;

/**
 * The part of Jameica that meets a repository, step by step as docs/jameica.md tells it, on what Jameica stands on: the JDK's HTTP, certificates,
 * signatures and ZIPs, and NanoXML. It has both generations of rules. One line of input is one command, its words apart by tabs; the answer
 * is any number of lines, then one with a dot.
 */
public class Jameica {
  static PrintStream out;
  static String host = "2.12.0";
  static boolean trusts, hardened, unattended;
  static KeyStore keys;
  static final List<Listed> list = new ArrayList<>();
  static final Map<String, Listed> installed = new TreeMap<>();

  static class Listed {
    String group, folder, name, version, url, requires, homepage;
    boolean validate;
    X509Certificate certificate;
  }

  static class Group {
    String name;
    X509Certificate certificate;
    List<Listed> plugins = new ArrayList<>();
  }

  public static void main(String[] args) throws Exception {
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    out = new PrintStream(new BufferedOutputStream(System.out), false, "UTF-8");
    forget();
    for (String line; (line = in.readLine()) != null;) {
      String[] words = line.split("\t", -1);
      try {
        switch (words[0]) {
          case "forget": forget(); break;
          case "host": host = words[1]; break;
          case "trust": trusts = true; break;
          case "hardened": hardened = true; break;
          case "unattended": unattended = true; break;
          case "open": open(words[1]); break;
          case "install": install(words[1], words[2]); break;
          case "updates": updates(); break;
          default: throw new IllegalArgumentException(line);
        }
      } catch (Throwable t) {
        say("failed", t.toString());
      }
      out.println(".");
      out.flush();
    }
  }

  static void say(String... words) {
    for (int i = 0; i < words.length; i++) words[i] = String.valueOf(words[i]).replaceAll("[\t\r\n]", " ");
    out.println(String.join("\t", words));
  }

  static void forget() throws Exception {
    keys = KeyStore.getInstance("JKS");
    keys.load(null, null);
    trusts = hardened = unattended = false;
    host = "2.12.0";
    list.clear();
    installed.clear();
  }

  /** A GET as the client's transport makes it: no header of its own, 301 and 302 within one host only. */
  static HttpURLConnection get(String address) throws Exception {
    URL url = new URL(address);
    for (int i = 0; i < 10; i++) {
      HttpURLConnection c = (HttpURLConnection) url.openConnection();
      c.setInstanceFollowRedirects(false);
      int status = c.getResponseCode();
      if (status != 301 && status != 302) return c;
      URL next = new URL(url, c.getHeaderField("Location"));
      boolean same = next.getHost().equals(url.getHost());
      if (hardened) same &= next.getProtocol().equals(url.getProtocol()) && next.getPort() == url.getPort();
      if (!same) throw new IOException("redirected to another host");
      say("redirected", next.toString());
      url = next;
    }
    throw new IOException("too many redirects");
  }

  static byte[] read(String address) throws Exception {
    HttpURLConnection c = get(address);
    if (c.getContentLengthLong() < 0) say("lengthless", address);
    if (c.getContentEncoding() != null) say("encoded", address);
    try (InputStream in = c.getInputStream()) { // an exception from 400 on
      return in.readAllBytes();
    }
  }

  static IXMLElement parse(byte[] document) throws Exception {
    if (hardened && new String(document, StandardCharsets.ISO_8859_1).contains("<!DOCTYPE")) throw new IOException("a document type");
    IXMLParser parser = XMLParserFactory.createDefaultXMLParser();
    parser.setReader(new StdXMLReader(new ByteArrayInputStream(document)));
    return (IXMLElement) parser.parse();
  }

  static String folder(String url) { return url.endsWith("/") ? url : url + "/"; }

  /** Opens a repository: its groups in the order of their names, and every plugin.xml. */
  static void open(String base) throws Exception {
    list.clear();
    IXMLElement root = parse(read(folder(base) + "repository.xml"));
    say("repository", root.getAttribute("name", null));
    List<Group> groups = new ArrayList<>();
    for (Object o : root.getChildrenNamed("plugins")) {
      try {
        groups.add(group((IXMLElement) o));
      } catch (Exception e) {
        say("lost", e.toString()); // the client says nothing
      }
    }
    groups.sort((a, b) -> a.name.compareTo(b.name)); // with a name missing all is lost
    for (Group g : groups) {
      say("group", g.name, g.certificate == null ? "-" : g.certificate.getSubjectX500Principal().getName());
      for (Listed p : g.plugins) {
        list.add(p);
        say("plugin", p.group, p.name, p.version, p.url, p.requires);
      }
    }
  }

  static Group group(IXMLElement e) throws Exception {
    Group g = new Group();
    g.name = e.getAttribute("name", null);
    String certificate = e.getAttribute("certificate", null);
    if (certificate != null) g.certificate = certificate(certificate);
    for (Object o : e.getChildrenNamed("plugin")) {
      String url = ((IXMLElement) o).getAttribute("url", null);
      try {
        Listed p = manifest(parse(read(folder(url) + "plugin.xml")));
        p.group = g.name;
        p.folder = folder(url);
        p.certificate = g.certificate;
        g.plugins.add(p);
      } catch (Exception x) {
        say("skipped", url, x.toString());
      }
    }
    return g;
  }

  static Listed manifest(IXMLElement root) throws Exception {
    if (!root.getName().equals("plugin")) throw new IOException("no plugin");
    Listed p = new Listed();
    p.name = root.getAttribute("name", null);
    p.version = root.getAttribute("version", "1.0");
    p.url = text(root, "url");
    p.homepage = text(root, "homepage");
    IXMLElement homepage = root.getFirstChildNamed("homepage");
    p.validate = homepage != null && Boolean.parseBoolean(homepage.getAttribute("validate", "false"));
    IXMLElement requires = root.getFirstChildNamed("requires");
    p.requires = requires == null ? null : requires.getAttribute("jameica", null);
    return p;
  }

  static String text(IXMLElement e, String name) {
    IXMLElement child = e.getFirstChildNamed(name);
    return child == null ? null : child.getContent();
  }

  /** The first certificate of a chain, if it is trusted as that of a TLS server would be, or by the user. */
  static X509Certificate certificate(String address) throws Exception {
    Collection<? extends java.security.cert.Certificate> read = CertificateFactory.getInstance("X.509").generateCertificates(new ByteArrayInputStream(read(address)));
    X509Certificate[] chain = read.toArray(new X509Certificate[0]);
    if (known(null, chain) || keys.size() > 0 && known(keys, chain)) return chain[0];
    if (keys.getCertificateAlias(chain[0]) != null) {
      chain[0].checkValidity();
      return chain[0];
    }
    say("asked", chain[0].getSubjectX500Principal().getName());
    if (!trusts) throw new IOException("not trusted");
    keys.setCertificateEntry(chain[0].getSubjectX500Principal().getName() + "-" + chain[0].getSerialNumber(), chain[0]);
    return chain[0];
  }

  /** Whether a store of keys, or the one of Java for null, vouches for a chain. */
  static boolean known(KeyStore store, X509Certificate[] chain) throws Exception {
    TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
    factory.init(store);
    try {
      ((X509TrustManager) factory.getTrustManagers()[0]).checkServerTrusted(chain, "RSA");
      return true;
    } catch (CertificateException e) {
      return false;
    }
  }

  static int[] numbers(String version) {
    version = version.trim();
    int hyphen = version.indexOf('-');
    String[] parts = (hyphen > 0 ? version.substring(0, hyphen) : version).split("\\.");
    int[] n = new int[3];
    for (int i = 0; i < 3 && i < parts.length; i++) {
      try { n[i] = Integer.parseInt(parts[i]); } catch (NumberFormatException e) { /* counts as 0 */ }
    }
    return n;
  }

  static int compare(String a, String b) { return Arrays.compare(numbers(a), numbers(b)); }

  /** Requirements of the kinds that the tests have: none, with a plus, exact. */
  static boolean fits(String requirement) {
    if (requirement == null || requirement.isEmpty()) return true;
    int order = compare(host, requirement.replaceAll("[()+-]", ""));
    return requirement.endsWith("+") ? order >= 0 : order == 0;
  }

  static void install(String name, String version) throws Exception {
    Listed p = null;
    for (Listed q : list) if (q.name.equals(name) && q.version.equals(version)) p = q;
    if (p == null) throw new IOException("not listed");
    if (!fits(p.requires)) throw new IOException("needs jameica " + p.requires);
    Listed old = installed.get(name);
    if (old != null && compare(old.version, version) > 0) throw new IOException("newer is installed");

    HttpURLConnection c = get(p.url + ".sha1");
    boolean signed = c.getResponseCode() == 200;
    byte[] signature = signed ? c.getInputStream().readAllBytes() : null;
    if (signed && p.certificate == null) throw new IOException("signed, but by whom");
    if (hardened && unattended && !signed) throw new IOException("not signed");
    byte[] zip = read(p.url);
    if (signed) {
      Signature s = Signature.getInstance("SHA1withRSA");
      s.initVerify(p.certificate.getPublicKey());
      s.update(zip);
      if (!s.verify(signature)) throw new IOException("the signature is wrong");
    }
    String folder = zipped(p.url, zip);
    Listed inside = manifest(parse(entry(zip, folder + "/plugin.xml")));
    if (!inside.name.equals(name) || !inside.version.equals(version) || !folder.equals(name)) throw new IOException("another plugin");
    installed.put(name, p);
    say("installed", name, version, signed ? "signed" : "unsigned");
  }

  /** The one folder of a ZIP, by the rules of both generations. */
  static String zipped(String url, byte[] zip) throws Exception {
    if (!url.endsWith(".zip")) throw new IOException("no zip");
    List<String> names = new ArrayList<>();
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(zip))) {
      for (ZipEntry e; (e = in.getNextEntry()) != null;) names.add(e.getName());
    }
    String folder = null;
    for (String name : names) {
      if (!name.contains("/")) throw new IOException("a file beside the folder");
      if (Pattern.matches(".+/.+", name)) continue;
      if (folder != null || !name.endsWith("/")) throw new IOException("two folders");
      folder = name.substring(0, name.length() - 1);
    }
    if (folder == null) throw new IOException("the zip is empty");
    for (String name : names) {
      if (!name.startsWith(folder + "/")) throw new IOException("outside of the folder: " + name);
      for (String part : name.split("/")) {
        if (part.equals(".") || part.equals("..") || part.contains(":") || part.endsWith(".") || part.endsWith(" ")) throw new IOException("unsafe: " + name);
      }
    }
    return folder;
  }

  static byte[] entry(byte[] zip, String name) throws Exception {
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(zip))) {
      for (ZipEntry e; (e = in.getNextEntry()) != null;) if (e.getName().equals(name)) return in.readAllBytes();
    }
    throw new IOException("no " + name);
  }

  /** What the check for updates would offer of the list: what is higher, fits, and is where the homepage is if that is validated. */
  static void updates() throws Exception {
    for (Listed old : installed.values()) {
      Listed best = null;
      for (Listed p : list) {
        boolean pinned = !old.validate || new URL(p.url).getHost().equals(new URL(old.homepage).getHost());
        if (p.name.equals(old.name) && compare(p.version, old.version) > 0 && fits(p.requires) && pinned && (best == null || compare(p.version, best.version) > 0)) best = p;
      }
      if (best != null) say("update", best.name, best.version);
    }
  }
}
