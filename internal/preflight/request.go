package preflight

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/net/idna"
)

type operation int

const (
	reading operation = iota
	writing
	deleting
)

func (o operation) method() string {
	return [...]string{reading: http.MethodGet, writing: http.MethodPut, deleting: http.MethodDelete}[o]
}

// sending is a request to a store.
type sending struct {
	doing   operation
	key     string // of the object; not used for reading
	version string // of the object to delete; empty for the object itself
}

const (
	// emptyHash is the SHA-256 of no body.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	// maxAnswer is how much of an answer's body is read: enough for a list of a thousand keys, from a store that ignores
	// max-keys.
	maxAnswer = 1 << 20

	userAgent = "terraform-provider-ryzeapi"
)

// What the endpoint rules of AWS refuse.
var (
	errNoSuchRegion  = errors.New("AWS has no region of this name")
	errNoSuchBuckets = errors.New("AWS has no buckets with such a name")
)

// answer is a store's answer.
type answer struct {
	status int
	header http.Header
	body   []byte // the beginning of it
}

// send asks a store. Only what S3 demands is signed, which is the host, the date and the hash of the body: many proxies
// change or drop other headers on the way.
func (c *Checker) send(ctx context.Context, target Target, secretKey string, asked sending) (answer, error) {
	address, err := target.address(ctx, asked)
	if err != nil {
		return answer{}, err
	}
	request := (&http.Request{
		Method: asked.doing.method(), URL: address, Host: address.Host,
		Header: http.Header{"X-Amz-Content-Sha256": {emptyHash}},
	}).WithContext(ctx)
	credentials := aws.Credentials{AccessKeyID: target.AccessKey, SecretAccessKey: secretKey}
	service, region := target.scope()
	// A new signer each time: it caches the derived key by access key alone, so it would not notice a different secret.
	signer := v4.NewSigner(func(options *v4.SignerOptions) {
		// S3 signs the path as it is sent: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
		options.DisableURIPathEscaping = true
	})
	if err := signer.SignHTTP(ctx, credentials, request, emptyHash, service, region, time.Now()); err != nil {
		return answer{}, fmt.Errorf("signing the request: %w", err)
	}
	request.Header.Set("User-Agent", userAgent)
	// No http.Client, because it would follow redirects, for which the signature is not valid.
	response, err := c.transport.RoundTrip(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close() //nolint:errcheck // everything needed was read
	body, err := readBody(response)
	if err != nil && len(body) == 0 {
		return answer{}, err
	}
	return answer{status: response.StatusCode, header: response.Header, body: body}, nil
}

// readBody returns the beginning of a body. A proxy may have asked for a compressed one.
func readBody(response *http.Response) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if !strings.EqualFold(response.Header.Get("Content-Encoding"), "gzip") {
		return body, err
	}
	unpacked, gzipErr := gzip.NewReader(bytes.NewReader(body))
	if gzipErr != nil {
		return body, err
	}
	plain, _ := io.ReadAll(io.LimitReader(unpacked, maxAnswer)) // it ends where the body was cut
	return plain, err
}

// address is where a request goes. A store with an endpoint is addressed by path, AWS as its SDK does it.
func (t Target) address(ctx context.Context, asked sending) (*url.URL, error) {
	base, path, err := t.base(ctx)
	if err != nil {
		return nil, err
	}
	if asked.doing != reading {
		path += "/" + asked.key
	}
	if path == "" {
		path = "/"
	}
	address := &url.URL{Scheme: base.Scheme, Host: base.Host, Path: path, RawPath: escape(path)}
	switch {
	case asked.doing == reading:
		address.RawQuery = "list-type=2&max-keys=1&prefix=" + url.QueryEscape(t.PathPrefix)
	case asked.version != "":
		address.RawQuery = "versionId=" + url.QueryEscape(asked.version)
	}
	return address, nil
}

// base is the URL of the store, and the path of the bucket there.
func (t Target) base(ctx context.Context) (base *url.URL, path string, err error) {
	if t.Endpoint != "" {
		base, err = t.endpoint()
		if err != nil {
			return nil, "", err
		}
		return base, strings.TrimRight(base.Path, "/") + "/" + t.Bucket, nil
	}
	resolved, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{
		Bucket: aws.String(t.Bucket), Region: aws.String(t.Region), UseFIPS: aws.Bool(false), UseDualStack: aws.Bool(false),
		ForcePathStyle: aws.Bool(false), Accelerate: aws.Bool(false), UseGlobalEndpoint: aws.Bool(false),
		DisableMultiRegionAccessPoints: aws.Bool(false),
		// A directory bucket takes requests without a session.
		DisableS3ExpressSessionAuth: aws.Bool(true),
	})
	if err != nil && strings.Contains(strings.ToLower(err.Error()), "region") {
		return nil, "", errNoSuchRegion
	}
	if err != nil {
		return nil, "", errNoSuchBuckets
	}
	return &resolved.URI, strings.TrimRight(resolved.URI.Path, "/"), nil
}

// endpoint is the parsed endpoint, with its host as DNS and the Host header have it.
func (t Target) endpoint() (*url.URL, error) {
	parsed, err := url.Parse(strings.TrimSpace(t.Endpoint))
	if err != nil {
		return nil, errors.New("the endpoint is not a URL")
	}
	if parsed.Scheme != "http" && parsed.Scheme != "https" || parsed.Hostname() == "" {
		return nil, errors.New("the endpoint is not an http:// or https:// URL")
	}
	if host, err := idna.Lookup.ToASCII(parsed.Hostname()); err == nil {
		parsed.Host = strings.Replace(parsed.Host, parsed.Hostname(), host, 1)
	}
	return parsed, nil
}

// scope is the service and the region to sign for. A store that needs no region takes the first one that S3 had.
func (t Target) scope() (service, region string) {
	service, region = "s3", t.Region
	if t.Endpoint == "" && strings.HasSuffix(t.Bucket, "--x-s3") {
		service = "s3express"
	}
	if region == "" || region == "aws-global" {
		region = "us-east-1"
	}
	return service, region
}

// IsAWS reports whether the store is AWS itself, with or without an endpoint.
func (t Target) IsAWS() bool {
	if t.Endpoint == "" {
		return true
	}
	endpoint, err := t.endpoint()
	if err != nil {
		return false
	}
	host := strings.ToLower(endpoint.Hostname())
	return strings.HasSuffix(host, ".amazonaws.com") || strings.HasSuffix(host, ".amazonaws.com.cn")
}

// escape encodes a path as S3 wants it signed: all but the unreserved characters of RFC 3986, section 2.3, and slashes.
func escape(path string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(path) {
		c := path[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~/", c) >= 0:
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
