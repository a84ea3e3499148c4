package ryzeapi

import (
	"context"
	"encoding/json"
	"strings"
)

// Websocket is the WebSocket of an instance. No events means all.
type Websocket struct {
	Enabled     bool     `json:"enabled"`
	Events      []string `json:"events"`
	MediaBase64 bool     `json:"mediaBase64"`
}

// Websocket is the WebSocket of an instance. One that was never configured is disabled.
func (c *Client) Websocket(instance string) Object[Websocket] {
	return Object[Websocket]{
		client: c, key: objectKey{kind: "websocket", instance: instance},
		readPath: "/api/events/getWebsocket/", writePath: "/api/events/websocket/",
		decode: func(answer []byte) (Websocket, error) {
			return decodeEnabled[Websocket]("websocket", payload(answer, "websocket"))
		},
		decodeListed: func(object json.RawMessage) (Websocket, bool) {
			w, err := decodeEnabled[Websocket]("websocket", object)
			return w, err == nil && (!w.Enabled || hasFields(object, "events", "mediaBase64"))
		},
		isUnconfigured: func(message string) bool { return strings.Contains(strings.ToLower(message), "websocket") },
	}
}

// UpdateWebsocket saves and enables the WebSocket of an instance, and returns what RyzeAPI says that it has saved.
func (c *Client) UpdateWebsocket(ctx context.Context, instance string, config Websocket) (Websocket, error) {
	config.Enabled, config.Events = true, eventsToSend(config.Events)
	return c.Websocket(instance).write(ctx, config)
}

// DisableWebsocket disables the WebSocket of an instance. RyzeAPI then forgets the rest of it.
func (c *Client) DisableWebsocket(ctx context.Context, instance string) (Websocket, error) {
	return c.Websocket(instance).write(ctx, disabled{})
}
