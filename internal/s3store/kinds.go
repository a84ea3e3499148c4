package s3store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Kind is the program that serves a store. It is also the name of the module below tools/ that pins the program.
type Kind string

// The kinds. Rclone has keys, and no rights: each key may do everything.
const (
	Versity   Kind = "versitygw"
	Rclone    Kind = "rclone"
	MinIO     Kind = "minio"
	SeaweedFS Kind = "seaweedfs"
)

// kinds are how each kind is built, served on the first of the ports, and given its keys where the server does not take
// them with its command.
var kinds = map[Kind]struct {
	tools []string
	serve func(ctx context.Context, s *Store, ports []int, keys []Key) (*exec.Cmd, error)
	grant func(ctx context.Context, s *Store, buckets []string, keys []Key) error
}{
	Versity:   {[]string{"versitygw"}, serveVersity, grantVersity},
	Rclone:    {[]string{"rclone"}, serveRclone, nil},
	MinIO:     {[]string{"minio", "mc"}, serveMinIO, grantMinIO},
	SeaweedFS: {[]string{"weed"}, serveSeaweedFS, nil},
}

// Build builds a store from the repository at root, and returns the paths of its programs. It takes minutes the first
// time; out is shown what go says meanwhile.
func (k Kind) Build(ctx context.Context, root string, out io.Writer) (programs []string, err error) {
	kind, found := kinds[k]
	if !found {
		return nil, fmt.Errorf("there is no S3 store %q", k)
	}
	for _, name := range kind.tools {
		tool := exec.CommandContext(ctx, "go", "tool", "-n", name) //nolint:gosec // fixed names
		tool.Dir = filepath.Join(root, "tools", string(k))
		tool.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-trimpath") // shares its build cache with the provider
		tool.Stderr = out
		path, err := tool.Output()
		if err != nil {
			return nil, fmt.Errorf("building the S3 store %s: %w", k, err)
		}
		programs = append(programs, strings.TrimSpace(string(path)))
	}
	return programs, nil
}

func serveVersity(ctx context.Context, s *Store, ports []int, _ []Key) (*exec.Cmd, error) {
	if err := errors.Join(os.Mkdir(s.path("users"), 0o700), os.Mkdir(s.path("metadata"), 0o700)); err != nil {
		return nil, err
	}
	return s.command(ctx, 0, nil, "--access", adminKey, "--secret", adminSecret, "--port", address(ports[0]),
		"--region", region, "--iam-dir", s.path("users"), "--quiet", "posix", "--sidecar", s.path("metadata"),
		s.path("files")), nil
}

func grantVersity(ctx context.Context, s *Store, buckets []string, keys []Key) error {
	for _, key := range keys {
		if err := s.run(s.command(ctx, 0, nil, "admin", "--access", adminKey, "--secret", adminSecret,
			"--endpoint-url", s.URL, "create-user", "--access", key.Access, "--secret", key.Secret, "--role", "user",
		)); err != nil {
			return err
		}
	}
	for _, bucket := range buckets {
		var allowed []statement
		for _, key := range keys {
			for _, right := range key.Rights {
				if right.Bucket == "" || right.Bucket == bucket {
					right.Bucket = bucket
					allowed = append(allowed, right.statements(key.Access)...)
				}
			}
		}
		if _, err := s.admin.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{
			Bucket: aws.String(bucket), Policy: aws.String(string(policy(allowed))),
		}); err != nil {
			return err
		}
	}
	return nil
}

func serveRclone(ctx context.Context, s *Store, ports []int, keys []Key) (*exec.Cmd, error) {
	args := []string{
		"serve", "s3", "--config", s.path("rclone.conf"), "--addr", address(ports[0]),
		"--auth-key", adminKey + "," + adminSecret,
	}
	for _, key := range keys {
		args = append(args, "--auth-key", key.Access+","+key.Secret)
	}
	return s.command(ctx, 0, nil, append(args, s.path("files"))...), nil
}

func serveMinIO(ctx context.Context, s *Store, ports []int, _ []Key) (*exec.Cmd, error) {
	return s.command(ctx, 0, []string{
		"MINIO_ROOT_USER=" + adminKey, "MINIO_ROOT_PASSWORD=" + adminSecret, "MINIO_SITE_REGION=" + region,
		"MINIO_UPDATE=off", "MINIO_BROWSER=off",
	}, "server", "--config-dir", s.path("config"), "--address", address(ports[0]), s.path("files")), nil
}

func grantMinIO(ctx context.Context, s *Store, _ []string, keys []Key) error {
	host := strings.Replace(s.URL, "://", "://"+adminKey+":"+adminSecret+"@", 1)
	admin := func(args ...string) error {
		args = append([]string{"--config-dir", s.path("mc"), "admin"}, args...)
		return s.run(s.command(ctx, 1, []string{"MC_HOST_store=" + host}, args...))
	}
	for _, key := range keys {
		if err := admin("user", "add", "store", key.Access, key.Secret); err != nil {
			return err
		}
		var allowed []statement
		for _, right := range key.Rights {
			allowed = append(allowed, right.statements("")...)
		}
		file := s.path(key.Access + ".json")
		if err := os.WriteFile(file, policy(allowed), 0o600); err != nil {
			return err
		}
		if err := admin("policy", "create", "store", key.Access, file); err != nil {
			return err
		}
		if err := admin("policy", "attach", "store", key.Access, "--user", key.Access); err != nil {
			return err
		}
	}
	return nil
}

func serveSeaweedFS(ctx context.Context, s *Store, ports []int, keys []Key) (*exec.Cmd, error) {
	identities := []any{identity(Key{Access: adminKey, Secret: adminSecret}, "Admin", "Read", "Write", "List")}
	for _, key := range keys {
		var actions []string
		for _, right := range key.Rights {
			where := ""
			if right.Bucket != "" {
				where = ":" + right.Bucket
			}
			if right.Prefix != "" {
				where += "/" + right.Prefix + "*"
			}
			if right.List {
				actions = append(actions, "List"+where)
			}
			if right.Put {
				actions = append(actions, "Write"+where)
			}
		}
		identities = append(identities, identity(key, actions...))
	}
	config, err := json.Marshal(map[string]any{"identities": identities})
	if err := errors.Join(err, os.WriteFile(s.path("identities.json"), config, 0o600)); err != nil {
		return nil, err
	}
	args := []string{
		"-logtostderr=true", "server", "-master.telemetry=false", "-ip=127.0.0.1", "-dir=" + s.path("files"),
		"-filer", "-filer.localSocket=" + s.path("filer.sock"), "-s3", "-s3.localSocket=" + s.path("s3.sock"),
		"-s3.config=" + s.path("identities.json"), "-s3.port.iceberg=0", "-s3.port.lance=0",
	}
	for i, service := range []string{"s3", "master", "volume", "filer"} {
		port, grpcPort := ports[2*i], ports[2*i+1]
		args = append(args, fmt.Sprintf("-%s.port=%d", service, port), fmt.Sprintf("-%s.port.grpc=%d", service, grpcPort))
		s.outside = append(s.outside, fmt.Sprintf("/tmp/seaweedfs-%s-grpc-%d.sock", service, grpcPort))
	}
	return s.command(ctx, 0, nil, args...), nil
}

// identity is a key in SeaweedFS's configuration.
func identity(key Key, actions ...string) any {
	return map[string]any{
		"name": key.Access, "actions": actions,
		"credentials": []any{map[string]string{"accessKey": key.Access, "secretKey": key.Secret}},
	}
}

// statement is one of a policy, in the form of AWS.
type statement struct {
	Effect    string
	Principal string `json:",omitempty"`
	Action    []string
	Resource  string
	Condition map[string]map[string]string `json:",omitempty"`
}

// statements allow what the right says, to a principal if one is named.
func (r Right) statements(principal string) []statement {
	var allowed []statement
	bucket := "arn:aws:s3:::" + cmp.Or(r.Bucket, "*")
	if r.List {
		list := statement{
			Effect: "Allow", Principal: principal, Action: []string{"s3:ListBucket"}, Resource: bucket,
		}
		if r.Prefix != "" {
			list.Condition = map[string]map[string]string{"StringLike": {"s3:prefix": r.Prefix + "*"}}
		}
		allowed = append(allowed, list)
	}
	if r.Put {
		allowed = append(allowed, statement{
			Effect: "Allow", Principal: principal, Action: []string{"s3:PutObject", "s3:DeleteObject"},
			Resource: bucket + "/" + r.Prefix + "*",
		})
	}
	return allowed
}

func policy(allowed []statement) []byte {
	document, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": allowed})
	if err != nil {
		panic(err) // texts only
	}
	return document
}

// command is a command of one of the store's programs, with more variables in its environment.
func (s *Store) command(ctx context.Context, program int, variables []string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, s.programs[program], args...) //nolint:gosec // built from this repository
	command.Env = append(os.Environ(), variables...)
	return command
}

func (s *Store) run(command *exec.Cmd) error {
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", filepath.Base(command.Path), err, said.String())
	}
	return nil
}

func address(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
