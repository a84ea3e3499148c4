package ryzeapi

import (
	"context"
	"encoding/json"
)

// S3Config is a complete configuration of an instance's S3 storage, as it is sent. RyzeAPI does not document whether an
// omitted field keeps its old value, so none is ever omitted (API.md, section 2).
type S3Config struct {
	Region     string
	Bucket     string
	AccessKey  string
	SecretKey  Secret
	Endpoint   string // empty for AWS
	PathPrefix string
}

// S3 is the S3 storage of an instance as RyzeAPI returns it, without the secret key. Null, absent and empty fields are
// "".
type S3 struct {
	Enabled    bool   `json:"enabled"`
	Region     string `json:"region"`
	Bucket     string `json:"bucket"`
	AccessKey  string `json:"accessKey"` // may be masked
	Endpoint   string `json:"endpoint"`
	PathPrefix string `json:"pathPrefix"`
}

// S3 is the S3 storage of an instance. Storage that was never configured is disabled.
func (c *Client) S3(instance string) Object[S3] {
	return Object[S3]{
		client: c, key: objectKey{kind: "s3", instance: instance},
		readPath: "/api/instance/getS3/", writePath: "/api/instance/s3/",
		decode:       func(answer []byte) (S3, error) { return decodeS3(payload(answer, "s3")) },
		decodeListed: decodeListedS3,
	}
}

// UpdateS3 saves and enables a complete configuration, and returns what RyzeAPI says that it has saved. RyzeAPI does
// not test the credentials.
func (c *Client) UpdateS3(ctx context.Context, instance string, config S3Config) (S3, error) {
	body := struct {
		Enabled    bool   `json:"enabled"`
		Region     string `json:"region"`
		Bucket     string `json:"bucket"`
		AccessKey  string `json:"accessKey"`
		SecretKey  string `json:"secretKey"`
		Endpoint   string `json:"endpoint"`
		PathPrefix string `json:"pathPrefix"`
	}{
		true, config.Region, config.Bucket, config.AccessKey, config.SecretKey.Reveal(), config.Endpoint,
		config.PathPrefix,
	}
	return c.S3(instance).write(ctx, body, config.SecretKey)
}

// DisableS3 disables the S3 storage of an instance. RyzeAPI then deletes its configuration, credentials included.
func (c *Client) DisableS3(ctx context.Context, instance string) (S3, error) {
	return c.S3(instance).write(ctx, disabled{})
}

// disabled is the body that disables an object.
type disabled struct {
	Enabled bool `json:"enabled"` // always false
}

func decodeS3(object json.RawMessage) (S3, error) {
	return decodeEnabled[S3]("s3", object)
}

// decodeListedS3 decodes the s3 of an instance in the list. It reports false if a field is missing or empty that a read
// of the instance would have.
func decodeListedS3(object json.RawMessage) (S3, bool) {
	s3, err := decodeS3(object)
	switch {
	case err != nil:
		return S3{}, false
	case !s3.Enabled:
		return s3, true
	}
	return s3, hasFields(object, "region", "endpoint", "pathPrefix") &&
		s3.Bucket != "" && s3.AccessKey != "" && (s3.Region != "" || s3.Endpoint != "")
}
