// Package s3store serves a real S3 store on loopback, for tests and the demo: one of several programs, with its files
// in one folder.
package s3store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	adminKey    = "store-admin"
	adminSecret = "store-admin-secret"
	region      = "us-east-1"

	startTime = time.Minute // SeaweedFS takes more than ten seconds, on a busy machine many more
)

// Store is a running store. It signs for the region us-east-1, if it minds the region.
type Store struct {
	URL string

	programs []string
	dir      string
	admin    *s3.Client
	server   *exec.Cmd
	ended    chan struct{} // closed when the server has ended
	outside  []string      // files that the server has outside its folder
}

// Key is an access key with its secret, and what it may do.
type Key struct {
	Access, Secret string
	Rights         []Right
}

// Right is what a key may do in a bucket, or in all, with the objects whose names begin with a prefix. To put includes
// to delete.
type Right struct {
	Bucket, Prefix string // empty for all
	List, Put      bool
}

// Start serves a store that [Kind.Build] has built, with its files in dir, an empty folder's absolute path,
// until [Store.Stop] is called or the context ends. It has these buckets and keys.
func (k Kind) Start(ctx context.Context, programs []string, dir string, buckets []string, keys []Key) (*Store, error) {
	s := &Store{programs: programs, dir: dir, ended: make(chan struct{})}
	if err := s.start(ctx, k, keys); err != nil {
		return nil, fmt.Errorf("starting the S3 store %s: %w", k, err)
	}
	if err := s.prepare(ctx, k, buckets, keys); err != nil {
		s.Stop()
		said, _ := os.ReadFile(s.path("log"))
		return nil, fmt.Errorf("preparing the S3 store %s: %w; its log says: %s", k, err, said)
	}
	return s, nil
}

func (s *Store) start(ctx context.Context, k Kind, keys []Key) error {
	ports, err := freePorts(8)
	if err != nil {
		return err
	}
	log, err := os.Create(s.path("log"))
	if err := errors.Join(err, os.Mkdir(s.path("files"), 0o700)); err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the server has a copy of its own
	if s.server, err = kinds[k].serve(ctx, s, ports, keys); err != nil {
		return err
	}
	s.URL = fmt.Sprintf("http://127.0.0.1:%d", ports[0])
	s.server.Stdout, s.server.Stderr, s.server.Dir = log, log, s.dir
	s.admin = s3.New(s3.Options{
		BaseEndpoint: aws.String(s.URL), Region: region, UsePathStyle: true, Retryer: aws.NopRetryer{},
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: adminKey, SecretAccessKey: adminSecret}, nil
		}),
	})
	if err := s.server.Start(); err != nil {
		return err
	}
	go func() {
		_ = s.server.Wait() // how it ended does not matter
		close(s.ended)
	}()
	return nil
}

// prepare waits until the store answers, and makes what [Kind.Start] was asked for.
func (s *Store) prepare(ctx context.Context, k Kind, buckets []string, keys []Key) error {
	if err := s.awaitAnswer(ctx); err != nil {
		return err
	}
	for _, bucket := range buckets {
		if _, err := s.admin.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(bucket)}); err != nil {
			return err
		}
	}
	if grant := kinds[k].grant; grant != nil {
		return grant(ctx, s, buckets, keys)
	}
	return nil
}

func (s *Store) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	for {
		_, err := s.Buckets(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New("it has ended")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Stop ends the store. Its files stay.
func (s *Store) Stop() {
	_ = s.server.Process.Kill() // it may have ended
	<-s.ended
	for _, file := range s.outside {
		_ = os.Remove(file) // it may never have been there
	}
}

// Buckets returns the names of all buckets.
func (s *Store) Buckets(ctx context.Context) ([]string, error) {
	listed, err := s.admin.ListBuckets(ctx, &s3.ListBucketsInput{})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, bucket := range listed.Buckets {
		names = append(names, aws.ToString(bucket.Name))
	}
	return names, nil
}

// Objects returns the names of the objects in a bucket, at most a thousand.
func (s *Store) Objects(ctx context.Context, bucket string) ([]string, error) {
	listed, err := s.admin.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: aws.String(bucket)})
	if err != nil {
		return nil, err
	}
	var names []string
	for _, object := range listed.Contents {
		names = append(names, aws.ToString(object.Key))
	}
	return names, nil
}

// StartForTests builds a store with the buckets "media", "media.with.dots" and "private", and serves it with its files
// in dir. The key "writer" may list and put objects in all of them. The key "reader" may only list "media". Their
// secrets are "writer-secret" and "reader-secret".
func StartForTests(ctx context.Context, root, dir string) (*Store, error) {
	programs, err := Versity.Build(ctx, root, os.Stderr)
	if err != nil {
		return nil, err
	}
	return Versity.Start(ctx, programs, dir, []string{"media", "media.with.dots", "private"}, []Key{
		{Access: "writer", Secret: "writer-secret", Rights: []Right{{List: true, Put: true}}},
		{Access: "reader", Secret: "reader-secret", Rights: []Right{{Bucket: "media", List: true}}},
	})
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name) }

func freePorts(number int) ([]int, error) {
	var ports []int
	for range number {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("looking for a free port: %w", err)
		}
		// All are held until there are enough, so that no two are the same.
		defer listener.Close()                                     //nolint:errcheck // nothing was written
		ports = append(ports, listener.Addr().(*net.TCPAddr).Port) //nolint:forcetypeassert // by its documentation
	}
	return ports, nil
}
