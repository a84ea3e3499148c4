package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
)

// Instance is an instance, as RyzeAPI lists it (contract, section 3). Null and absent fields are "".
type Instance struct {
	Name            string
	ID              string
	Status          string
	ConnectionState string // connected, disconnected, qr, ...: an open set
	NumberJID       string
	ProfileName     string
	IsBusiness      bool
	S3              *S3 // nil where the list does not have all that [Client.GetS3] has; not to be changed

	token Secret // its TokenInstance, which never leaves this package
}

// List lists the instances that the token reaches.
func (c *Client) List(ctx context.Context) ([]Instance, error) {
	return c.list(ctx, c.http.RetryMax)
}

// fetchRoster makes a list that saves others requests. It is not worth many attempts: without it, each instance is asked for by itself.
func (c *Client) fetchRoster(ctx context.Context) {
	if _, err := c.list(ctx, min(1, c.http.RetryMax)); err != nil {
		c.debug(ctx, "the instances cannot be listed", map[string]any{"problem": err.Error()})
	}
}

func (c *Client) list(ctx context.Context, retries int) (instances []Instance, err error) {
	list := c.roster.begin()
	err = c.call(ctx, operation{method: http.MethodGet, path: "/api/instance/list", retries: retries}, func(answer []byte) error {
		instances, err = decodeList(answer)
		return err
	})
	c.roster.end(list, instances, err)
	return instances, err
}

// listed is an item of the list. Its id is a string or a number, and its s3 is read apart, since its form is not documented.
type listed struct {
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
		Instances []listed `json:"instances"`
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
		token, _ := ParseToken(item.Token) // one that no header can hold is none
		instances = append(instances, Instance{
			Name: item.Name, ID: text(item.ID), Status: item.Status, ConnectionState: item.Connection.State, NumberJID: item.Connection.NumberJID,
			ProfileName: item.Profile.Name, IsBusiness: item.Profile.IsBusiness, S3: wholeS3(item.S3), token: token,
		})
	}
	return instances, nil
}

// text is a JSON string, or what stands for it: a number.
func text(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		return s
	}
	return string(value)
}

// wholeS3 reads the s3 of a list's item, nil where a field is missing, or has been left empty, that a read would have.
func wholeS3(value json.RawMessage) *S3 {
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
