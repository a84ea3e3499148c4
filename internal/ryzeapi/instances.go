package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// Instance is an instance as RyzeAPI lists it (API.md, section 3). Null and absent fields are "".
type Instance struct {
	Name            string
	ID              string
	Status          string
	ConnectionState string // connected, disconnected, qr, ...: an open set
	NumberJID       string
	ProfileName     string
	IsBusiness      bool
	S3              *S3 // nil if the list lacks anything that [Client.GetS3] returns; read-only

	token Secret // its TokenInstance, which never leaves this package
}

// List lists the instances that the token has access to.
func (c *Client) List(ctx context.Context) ([]Instance, error) {
	return c.list(ctx, request{maxRetries: c.maxRetries})
}

// fetchList lists the instances for the cache. The list only saves requests, so it is not worth many attempts. For a
// look, it does not wait for the rate limit.
func (c *Client) fetchList(ctx context.Context, look bool) {
	if _, err := c.list(ctx, request{look: look, maxRetries: min(1, c.maxRetries)}); err != nil {
		c.debug(ctx, "the instances cannot be listed", map[string]any{"problem": err.Error()})
	}
}

func (c *Client) list(ctx context.Context, how request) (instances []Instance, err error) {
	list := c.lists.begin()
	how.method, how.path = http.MethodGet, "/api/instance/list"
	err = c.call(ctx, how, func(answer []byte) error {
		instances, err = decodeList(answer)
		return err
	})
	c.lists.end(list, instances, err)
	return instances, err
}

// listItem is an instance in the list. Its id may be a string or a number, and the form of its s3 is not documented, so
// both are decoded separately.
type listItem struct {
	Name       string          `json:"name"`
	ID         json.RawMessage `json:"id"`
	Token      string          `json:"token"`
	Status     string          `json:"status"`
	Connection struct {
		State     string `json:"state"`
		NumberJID string `json:"numberJid"`
	} `json:"connection"`
	Profile struct {
		Name       string `json:"name"`
		IsBusiness bool   `json:"isBusiness"`
	} `json:"profile"`
	S3 json.RawMessage `json:"s3"`
}

func decodeList(answer []byte) ([]Instance, error) {
	var payload struct {
		Instances []listItem `json:"instances"`
	}
	if err := json.Unmarshal(answer, &payload); err != nil {
		return nil, errors.New("the list of instances in it has a field of the wrong type")
	}
	if payload.Instances == nil {
		return nil, errors.New(`the field "instances" is missing from it`)
	}
	instances := make([]Instance, 0, len(payload.Instances))
	for _, item := range payload.Instances {
		if item.Name == "" {
			return nil, errors.New("an instance in it has no name")
		}
		token, _ := ParseToken(item.Token) // a token that cannot be sent is treated as missing
		instances = append(instances, Instance{
			Name: item.Name, ID: stringOrNumber(item.ID), Status: item.Status,
			ConnectionState: item.Connection.State, NumberJID: item.Connection.NumberJID,
			ProfileName: item.Profile.Name, IsBusiness: item.Profile.IsBusiness,
			S3: decodeListedS3(item.S3), token: token,
		})
	}
	return instances, nil
}

// stringOrNumber returns the content of a JSON string, or a JSON number as it is written.
func stringOrNumber(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

// decodeListedS3 decodes the s3 of an instance in the list. It returns nil if a field is missing or empty that a read
// of the instance would have.
func decodeListedS3(value json.RawMessage) *S3 {
	var fields map[string]json.RawMessage
	if json.Unmarshal(value, &fields) != nil {
		return nil
	}
	s3, err := decodeS3Object(value)
	if err != nil {
		return nil
	}
	if s3.Enabled {
		for _, name := range []string{"region", "endpoint", "pathPrefix"} {
			if _, ok := fields[name]; !ok {
				return nil
			}
		}
		if s3.Bucket == "" || s3.AccessKey == "" || s3.Region == "" && s3.Endpoint == "" {
			return nil
		}
	}
	return &s3
}
