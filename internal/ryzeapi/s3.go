package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
)

// S3Config is a whole configuration of an instance's S3 storage, as it is sent. RyzeAPI does not say whether a field that is left out
// keeps its old value, so none is ever left out (contract, section 2).
type S3Config struct {
	Region     string
	Bucket     string
	AccessKey  string
	SecretKey  Secret
	Endpoint   string // empty for AWS
	PathPrefix string
}

// S3 is the S3 storage of an instance, as RyzeAPI shows it: without its secret. Null, absent and empty fields are all "".
type S3 struct {
	Enabled    bool
	Region     string
	Bucket     string
	AccessKey  string // may be masked
	Endpoint   string
	PathPrefix string
}

// GetS3 reads the S3 storage of an instance. One that was never configured is one that is disabled.
func (c *Client) GetS3(ctx context.Context, instance string) (S3, error) {
	return c.s3Call(ctx, http.MethodGet, "/api/instance/getS3/", instance, nil)
}

// UpdateS3 saves and enables a whole configuration, and returns what RyzeAPI says that it saved. RyzeAPI tests no credentials.
func (c *Client) UpdateS3(ctx context.Context, instance string, config S3Config) (S3, error) {
	body := struct {
		Enabled    bool   `json:"enabled"`
		Region     string `json:"region"`
		Bucket     string `json:"bucket"`
		AccessKey  string `json:"accessKey"`
		SecretKey  string `json:"secretKey"`
		Endpoint   string `json:"endpoint"`
		PathPrefix string `json:"pathPrefix"`
	}{true, config.Region, config.Bucket, config.AccessKey, config.SecretKey.Reveal(), config.Endpoint, config.PathPrefix}
	return c.s3Call(ctx, http.MethodPost, "/api/instance/s3/", instance, body, config.SecretKey)
}

// DisableS3 disables the storage of an instance. RyzeAPI deletes the whole configuration with it, the credentials included.
func (c *Client) DisableS3(ctx context.Context, instance string) (S3, error) {
	body := struct {
		Enabled bool `json:"enabled"`
	}{false}
	return c.s3Call(ctx, http.MethodPost, "/api/instance/s3/", instance, body)
}

func (c *Client) s3Call(ctx context.Context, method, path, instance string, body any, secrets ...Secret) (s3 S3, err error) {
	err = c.call(ctx, method, path+url.PathEscape(instance), body, func(answer []byte) error {
		s3, err = decodeS3(answer)
		return err
	}, secrets...)
	return s3, err
}

func decodeS3(answer []byte) (S3, error) {
	var payload struct {
		S3 *struct {
			Enabled    *bool  `json:"enabled"`
			Region     string `json:"region"`
			Bucket     string `json:"bucket"`
			AccessKey  string `json:"accessKey"`
			Endpoint   string `json:"endpoint"`
			PathPrefix string `json:"pathPrefix"`
		} `json:"s3"`
	}
	if err := json.Unmarshal(answer, &payload); err != nil {
		return S3{}, errors.New("the s3 object in it has a field of the wrong type")
	}
	// Without enabled, an answer must not pass for a storage that is switched off.
	if payload.S3 == nil || payload.S3.Enabled == nil {
		return S3{}, errors.New(`the field "s3.enabled" is missing from it`)
	}
	p := payload.S3
	return S3{*p.Enabled, p.Region, p.Bucket, p.AccessKey, p.Endpoint, p.PathPrefix}, nil
}
