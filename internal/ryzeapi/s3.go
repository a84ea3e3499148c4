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

// RefreshS3 is GetS3 for one instance of many: from the second one on, a list of all instances serves them, up to a minute old. Whatever this client
// has written since, and what the list does not have, is read anew.
func (c *Client) RefreshS3(ctx context.Context, instance string) (S3, error) {
	s3, why := c.roster.s3(ctx, instance)
	if why == "" {
		return s3, nil
	}
	c.debug(ctx, "reading the storage of one instance by itself", map[string]any{"instance": instance, "reason": why})
	return c.GetS3(ctx, instance)
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
	defer c.roster.write(instance)()
	return c.s3Call(ctx, http.MethodPost, "/api/instance/s3/", instance, body, config.SecretKey)
}

// DisableS3 disables the storage of an instance. RyzeAPI deletes the whole configuration with it, the credentials included.
func (c *Client) DisableS3(ctx context.Context, instance string) (S3, error) {
	body := struct {
		Enabled bool `json:"enabled"`
	}{false}
	defer c.roster.write(instance)()
	return c.s3Call(ctx, http.MethodPost, "/api/instance/s3/", instance, body)
}

func (c *Client) s3Call(ctx context.Context, method, path, instance string, body any, secrets ...Secret) (s3 S3, err error) {
	op := operation{method: method, path: path + url.PathEscape(instance), instance: instance, body: body, secrets: secrets, retries: c.http.RetryMax}
	err = c.call(ctx, op, func(answer []byte) error {
		s3, err = decodeS3(answer)
		return err
	})
	return s3, err
}

func decodeS3(answer []byte) (S3, error) {
	var payload struct {
		S3 json.RawMessage `json:"s3"`
	}
	_ = json.Unmarshal(answer, &payload) // what is no object has no s3
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
	// Without enabled, an answer must not pass for a storage that is switched off.
	if s3 == nil || s3.Enabled == nil {
		return S3{}, errors.New(`the field "s3.enabled" is missing from it`)
	}
	return S3{*s3.Enabled, s3.Region, s3.Bucket, s3.AccessKey, s3.Endpoint, s3.PathPrefix}, nil
}
