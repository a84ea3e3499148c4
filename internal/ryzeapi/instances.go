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

	objects map[string]json.RawMessage // what the list has of the instance's objects; see [Object.Listed]
	token   Secret                     // its TokenInstance
}

// Token returns the instance's own token, a TokenInstance. It is empty if RyzeAPI does not say it.
func (i Instance) Token() Secret { return i.token }

// List lists the instances that the token has access to.
func (c *Client) List(ctx context.Context) ([]Instance, error) {
	return c.list(ctx, request{maxRetries: c.maxRetries})
}

// fetchList lists the instances for the cache. A list that only saves requests is not worth many attempts. For a look,
// it does not wait for the rate limit.
func (c *Client) fetchList(ctx context.Context, w want) error {
	how := request{look: w.look, maxRetries: c.maxRetries}
	if !w.thorough {
		how.maxRetries = min(1, c.maxRetries)
	}
	_, err := c.list(ctx, how)
	if err != nil {
		c.debug(ctx, "the instances cannot be listed", map[string]any{"problem": err.Error()})
	}
	return err
}

func (c *Client) list(ctx context.Context, how request) (instances []Instance, err error) {
	list := c.lists.begin()
	how.method, how.path = http.MethodGet, "/api/instance/list"
	err = c.call(ctx, how, func(answer []byte) error {
		instances, err = decodeList(answer)
		return err
	})
	c.lists.end(list, instances, err, how.maxRetries == c.maxRetries)
	return instances, err
}

// listItem is an instance in the list. Its id may be a string or a number, and the form of its objects is not
// documented, so they are decoded separately.
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
	S3        json.RawMessage `json:"s3"`
	Settings  json.RawMessage `json:"settings"`
	Webhook   json.RawMessage `json:"webhook"`
	Websocket json.RawMessage `json:"websocket"`
	Proxy     json.RawMessage `json:"proxy"`
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
		instances = append(instances, item.instance())
	}
	return instances, nil
}

func (item listItem) instance() Instance {
	token, _ := ParseToken(item.Token) // a token that cannot be sent is treated as missing
	return Instance{
		Name: item.Name, ID: stringOrNumber(item.ID), Status: item.Status,
		ConnectionState: item.Connection.State, NumberJID: item.Connection.NumberJID,
		ProfileName: item.Profile.Name, IsBusiness: item.Profile.IsBusiness,
		objects: map[string]json.RawMessage{
			"s3": item.S3, "settings": item.Settings, "webhook": item.Webhook, "websocket": item.Websocket,
			"proxy": item.Proxy,
		},
		token: token,
	}
}

// stringOrNumber returns the content of a JSON string, or a JSON number as it is written.
func stringOrNumber(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}
