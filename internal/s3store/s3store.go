// Package s3store serves a real S3 store on loopback, for tests and the demo: versitygw, with its files in one folder
// and its users in another.
package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	adminKey    = "store-admin"
	adminSecret = "store-admin-secret"
	region      = "us-east-1"
)

// Store is a running store. It signs for the region us-east-1.
type Store struct {
	URL     string
	program string
	files   string
	server  *exec.Cmd
	log     string
}

// Build builds the store from the repository at root, and returns the path of the program. It takes minutes the first
// time; out is shown what go says meanwhile.
func Build(ctx context.Context, root string, out io.Writer) (program string, err error) {
	tool := exec.CommandContext(ctx, "go", "tool", "-n", "versitygw")
	tool.Dir = filepath.Join(root, "tools", "s3server")
	tool.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath") // shares its build cache with the provider
	tool.Stderr = out
	path, err := tool.Output()
	if err != nil {
		return "", fmt.Errorf("building the S3 store: %w", err)
	}
	return strings.TrimSpace(string(path)), nil
}

// Start serves the store that [Build] has built, with its files in dir, until [Store.Stop] is called or the context
// ends.
func Start(ctx context.Context, program, dir string) (*Store, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	s := &Store{
		URL: "http://" + address, program: program, files: filepath.Join(dir, "files"), log: filepath.Join(dir, "log"),
	}
	users, metadata := filepath.Join(dir, "users"), filepath.Join(dir, "metadata")
	log, err := os.Create(s.log)
	if err := errors.Join(err, os.Mkdir(s.files, 0o700), os.Mkdir(users, 0o700), os.Mkdir(metadata, 0o700)); err != nil {
		return nil, fmt.Errorf("preparing the S3 store: %w", err)
	}
	defer log.Close()                              //nolint:errcheck // the server has a copy of its own
	s.server = exec.CommandContext(ctx, s.program, //nolint:gosec // built from this repository
		"--access", adminKey, "--secret", adminSecret, "--port", address, "--region", region, "--iam-dir", users, "--quiet",
		"posix", "--sidecar", metadata, s.files)
	s.server.Stdout, s.server.Stderr = log, log
	if err := s.server.Start(); err != nil {
		return nil, fmt.Errorf("starting the S3 store: %w", err)
	}
	for range 200 {
		if connection, err := net.Dial("tcp", address); err == nil {
			return s, connection.Close()
		}
		time.Sleep(50 * time.Millisecond)
	}
	said, _ := os.ReadFile(s.log)
	s.Stop()
	return nil, fmt.Errorf("the S3 store does not answer; its log says: %s", said)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return listener.Addr().String(), listener.Close()
}

// Stop ends the store. Its files stay.
func (s *Store) Stop() {
	_ = s.server.Process.Kill() // it may have ended
	_ = s.server.Wait()
}

// StartForTests builds a store and serves it with its files in dir. The user "writer" owns the buckets "media", which
// the user "reader" may list, and "private". Their secrets are "writer-secret" and "reader-secret".
func StartForTests(ctx context.Context, root, dir string) (*Store, error) {
	program, err := Build(ctx, root, os.Stderr)
	if err != nil {
		return nil, err
	}
	s, err := Start(ctx, program, dir)
	if err != nil {
		return nil, err
	}
	for _, prepare := range []func() error{
		func() error { return s.AddUser(ctx, "writer", "writer-secret") },
		func() error { return s.AddUser(ctx, "reader", "reader-secret") },
		func() error { return s.AddBucket(ctx, "media", "writer", "reader") },
		func() error { return s.AddBucket(ctx, "private", "writer", "") },
	} {
		if err := prepare(); err != nil {
			s.Stop()
			return nil, err
		}
	}
	return s, nil
}

// AddUser adds a user, whose name is the access key.
func (s *Store) AddUser(ctx context.Context, accessKey, secretKey string) error {
	return s.admin(ctx, "create-user", "--access", accessKey, "--secret", secretKey, "--role", "user")
}

// AddBucket adds a bucket that a user owns and that another user, if one is named, may list.
func (s *Store) AddBucket(ctx context.Context, name, owner, reader string) error {
	args := []string{"create-bucket", "--bucket", name, "--owner", owner, "--object-ownership", "BucketOwnerPreferred"}
	if reader != "" {
		args = append(args, "--grant-read", reader)
	}
	return s.admin(ctx, args...)
}

func (s *Store) admin(ctx context.Context, args ...string) error {
	args = append([]string{"admin", "--access", adminKey, "--secret", adminSecret, "--endpoint-url", s.URL}, args...)
	command := exec.CommandContext(ctx, s.program, args...) //nolint:gosec // built from this repository
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%s of the S3 store: %w: %s", args[7], err, said)
	}
	return nil
}

// Objects returns the names of all objects in a bucket.
func (s *Store) Objects(bucket string) ([]string, error) {
	var names []string
	root := filepath.Join(s.files, bucket)
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			name, _ := filepath.Rel(root, path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	return names, err
}
