package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/jackfield-host/jackfield/store"
)

// bucket keeps blobs as objects PREFIX/sha256/ab/abcd…, named by their digest, in a bucket
// of an S3-compatible server that others may use, too.
type bucket struct {
	client *minio.Client
	name   string
	prefix string // "" or ends with a slash
	opts   Options
}

// keepYoung is how old an object may be that is put once more without being written: a
// younger one is safe from every Sweep whose olderThan is longer.
const keepYoung = time.Hour

func openBucket(ctx context.Context, u *url.URL, opts Options) (Store, error) {
	query := u.Query()
	endpoint, err := url.Parse(query.Get("endpoint"))
	if err != nil || endpoint.Host == "" || endpoint.Scheme != "http" && endpoint.Scheme != "https" {
		return nil, fmt.Errorf("opening the blobs: %s needs an endpoint\nhint: s3://%s?endpoint=https://s3.example.org", u.Redacted(), u.Host)
	}
	for key := range query {
		if key != "endpoint" && key != "region" {
			return nil, fmt.Errorf("opening the blobs: parameter %q of s3:// is not known, only endpoint and region are", key)
		}
	}
	if u.User != nil {
		return nil, errors.New("opening the blobs: keys do not belong into the location\nhint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	keys := credentials.NewStaticV4(opts.AccessKey, opts.SecretKey, "")
	if opts.AccessKey == "" {
		keys = credentials.NewChainCredentials([]credentials.Provider{&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{}})
	}
	region := query.Get("region")
	if region == "" {
		region = "us-east-1"
	}
	client, err := minio.New(endpoint.Host, &minio.Options{
		Creds: keys, Secure: endpoint.Scheme == "https", Region: region, BucketLookup: minio.BucketLookupAuto, MaxRetries: 4,
	})
	if err != nil {
		return nil, fmt.Errorf("opening the blobs: %w", err)
	}
	prefix := strings.Trim(u.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	b := bucket{client, u.Host, prefix, opts}
	return b, b.Check(ctx)
}

func (b bucket) key(digits string) string { return b.prefix + "sha256/" + digits[:2] + "/" + digits }

// Check finds out whether the bucket is there.
func (b bucket) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	there, err := b.client.BucketExists(ctx, b.name)
	if err == nil && !there {
		err = errors.New("there is no such bucket, or it is somebody else's\nhint: make it first")
	}
	if err != nil {
		return fmt.Errorf("looking at bucket %s: %w", b.name, err)
	}
	return nil
}

func (b bucket) Put(ctx context.Context, r io.Reader) (store.Object, error) {
	return b.spool(ctx, r, b.opts.Limit, nil)
}

func (b bucket) PutDigest(ctx context.Context, want store.Object, r io.Reader) error {
	limit, err := limitFor(want, b.opts)
	if err != nil {
		return err
	}
	_, err = b.spool(ctx, r, limit, &want)
	return err
}

// spool writes to a file first: the name of the object is the digest of all of it, and what
// is not what was wanted never reaches the bucket.
func (b bucket) spool(ctx context.Context, r io.Reader, limit int64, want *store.Object) (object store.Object, err error) {
	f, err := os.CreateTemp(b.opts.Temp, "jackfield-put-")
	if err != nil {
		return object, fmt.Errorf("putting a blob: %w", err)
	}
	// Without a name nothing is left of it, however the process ends.
	if err := os.Remove(f.Name()); err != nil {
		return object, errors.Join(err, f.Close())
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	m := measure(ctx, r, limit)
	_, err = io.Copy(f, m)
	object = m.object()
	switch {
	case want != nil && (errors.Is(err, ErrTooLarge) || err == nil && object != *want):
		return store.Object{}, differs(*want, object)
	case err != nil:
		return store.Object{}, fmt.Errorf("putting a blob: %w", err)
	}
	if err := b.upload(ctx, f, object); err != nil {
		return store.Object{}, fmt.Errorf("putting blob %s: %w", object.Digest, err)
	}
	return object, nil
}

// upload puts an object on the condition that it is not there. One that is there and not
// young is written anew, with the same bytes.
func (b bucket) upload(ctx context.Context, f *os.File, object store.Object) error {
	digits, err := digits(object.Digest)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, b.opts.PutTimeout)
	defer cancel()
	info, err := b.Stat(ctx, object.Digest)
	there := err == nil && info.Size == object.Size
	if there && time.Since(info.Modified) < keepYoung {
		return nil
	}
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	opts := minio.PutObjectOptions{ContentType: "application/octet-stream", DisableMultipart: object.Size < 64<<20}
	if errors.Is(err, ErrNotFound) {
		opts.SetMatchETagExcept("*")
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err = b.client.PutObject(ctx, b.name, b.key(digits), f, object.Size, opts)
	if status(err) == http.StatusPreconditionFailed || status(err) == http.StatusConflict {
		// Somebody else was first; the name says that it is the same.
		_, err = b.Stat(ctx, object.Digest)
	}
	return err
}

func (b bucket) Stat(ctx context.Context, digest string) (Info, error) {
	digits, err := digits(digest)
	if err != nil {
		return Info{}, err
	}
	info, err := b.client.StatObject(ctx, b.name, b.key(digits), minio.StatObjectOptions{})
	if err != nil {
		return Info{}, explain("looking at", digest, err)
	}
	return Info{store.Object{Digest: digest, Size: info.Size}, info.LastModified}, nil
}

func (b bucket) Open(ctx context.Context, digest string) (File, error) {
	digits, err := digits(digest)
	if err != nil {
		return nil, err
	}
	object, err := b.client.GetObject(ctx, b.name, b.key(digits), minio.GetObjectOptions{})
	if err != nil {
		return nil, explain("opening", digest, err)
	}
	info, err := object.Stat()
	if err != nil {
		return nil, errors.Join(explain("opening", digest, err), object.Close())
	}
	return remote{object, info.Size}, nil
}

// remote is an object that knows its size.
type remote struct {
	*minio.Object
	size int64
}

func (r remote) Size() int64 { return r.size }

func (b bucket) Walk(ctx context.Context, visit func(Info) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the listing
	for info := range b.client.ListObjectsIter(ctx, b.name, minio.ListObjectsOptions{Prefix: b.prefix + "sha256/", Recursive: true}) {
		if info.Err != nil {
			return fmt.Errorf("listing blobs: %w", info.Err)
		}
		digits := info.Key[strings.LastIndexByte(info.Key, '/')+1:]
		if !digests.MatchString(digits) || info.Key != b.key(digits) {
			continue // not ours
		}
		if err := visit(Info{store.Object{Digest: digestPrefix + digits, Size: info.Size}, info.LastModified}); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// Sweep looks at an object once more right before it removes it. Replicas have no lock in
// common, so whoever puts a blob checks with Stat, once the row that names it is written,
// that it is still there.
func (b bucket) Sweep(ctx context.Context, keep func(context.Context, string) (bool, error), olderThan time.Duration) (swept Swept, err error) {
	olderThan = max(olderThan, 2*keepYoung)
	err = b.Walk(ctx, func(info Info) error {
		if time.Since(info.Modified) < olderThan {
			return nil
		}
		if kept, err := keep(ctx, info.Digest); err != nil || kept {
			return err
		}
		info, err := b.Stat(ctx, info.Digest)
		if errors.Is(err, ErrNotFound) || err == nil && time.Since(info.Modified) < olderThan {
			return nil // another replica was here
		}
		if err != nil {
			return err
		}
		if err := b.client.RemoveObject(ctx, b.name, b.key(strings.TrimPrefix(info.Digest, digestPrefix)), minio.RemoveObjectOptions{}); err != nil {
			return explain("sweeping", info.Digest, err)
		}
		swept.Blobs++
		swept.Bytes += info.Size
		return nil
	})
	return swept, err
}

// status is the HTTP status of an error, 0 for none.
func status(err error) int {
	if e, ok := errors.AsType[minio.ErrorResponse](err); ok {
		return e.StatusCode
	}
	return 0
}

func explain(doing, digest string, err error) error {
	if status(err) == http.StatusNotFound {
		return fmt.Errorf("%w: %s", ErrNotFound, digest)
	}
	return fmt.Errorf("%s blob %s: %w", doing, digest, err)
}
