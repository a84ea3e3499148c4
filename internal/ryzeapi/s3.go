package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
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
	Enabled    bool
	Region     string
	Bucket     string
	AccessKey  string // may be masked
	Endpoint   string
	PathPrefix string
}

// GetS3 reads the S3 storage of an instance. Storage that was never configured is disabled. It always asks RyzeAPI.
func (c *Client) GetS3(ctx context.Context, instance string) (S3, error) {
	return c.getS3(ctx, instance, request{maxRetries: c.maxRetries})
}

func (c *Client) getS3(ctx context.Context, instance string, how request) (S3, error) {
	how.method, how.path, how.instance = http.MethodGet, "/api/instance/getS3/"+url.PathEscape(instance), instance
	return c.callS3(ctx, how)
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
	return c.writeS3(ctx, instance, body, config.SecretKey)
}

// DisableS3 disables the S3 storage of an instance. RyzeAPI then deletes its configuration, credentials included.
func (c *Client) DisableS3(ctx context.Context, instance string) (S3, error) {
	body := struct {
		Enabled bool `json:"enabled"`
	}{false}
	return c.writeS3(ctx, instance, body)
}

func (c *Client) writeS3(ctx context.Context, instance string, body any, secrets ...Secret) (S3, error) {
	defer c.lists.beginWrite(instance)()
	return c.callS3(ctx, request{
		method: http.MethodPost, path: "/api/instance/s3/" + url.PathEscape(instance), instance: instance, body: body,
		secrets: secrets, maxRetries: c.maxRetries,
	})
}

func (c *Client) callS3(ctx context.Context, req request) (s3 S3, err error) {
	err = c.call(ctx, req, func(answer []byte) error {
		s3, err = decodeS3(answer)
		return err
	})
	return s3, err
}

func decodeS3(answer []byte) (S3, error) {
	var payload struct {
		S3 json.RawMessage `json:"s3"`
	}
	_ = json.Unmarshal(answer, &payload) // anything but an object has no s3
	return decodeS3Object(payload.S3)
}

func decodeS3Object(object json.RawMessage) (S3, error) {
	var s3 *struct {
		Enabled    *bool  `json:"enabled"`
		Region     string `json:"region"`
		Bucket     string `json:"bucket"`
		AccessKey  string `json:"accessKey"`
		Endpoint   string `json:"endpoint"`
		PathPrefix string `json:"pathPrefix"`
	}
	if err := json.Unmarshal(object, &s3); len(object) > 0 && err != nil {
		return S3{}, errors.New("the s3 object in it has a field of the wrong type")
	}
	// An answer without "enabled" must not be mistaken for disabled storage.
	if s3 == nil || s3.Enabled == nil {
		return S3{}, errors.New(`the field "s3.enabled" is missing from it`)
	}
	return S3{*s3.Enabled, s3.Region, s3.Bucket, s3.AccessKey, s3.Endpoint, s3.PathPrefix}, nil
}
