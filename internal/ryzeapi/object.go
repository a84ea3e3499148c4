package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// Object is an object of an instance, such as its S3 storage: how it is read and written, and what the list of the
// instances says of it. The zero value of T is an object that is disabled.
type Object[T any] struct {
	client    *Client
	key       objectKey
	readPath  string // of a GET, without the instance
	writePath string // of a POST, without the instance

	// decode decodes the answer to a read or a write.
	decode func(answer []byte) (T, error)
	// decodeListed decodes the object's part of a list item. It reports false if that lacks anything that a read has.
	decodeListed func(part json.RawMessage) (T, bool)
	// isUnconfigured reports whether the message of a 404 says that the instance exists and the object does not. Nil
	// never does.
	isUnconfigured func(message string) bool
}

// objectKey names an object.
type objectKey struct {
	kind     string // the object's key in a list item
	instance string
	label    string // of a webhook
}

// ofInstance is the key of what one read of the instance gives: all objects of the kind, whatever their labels.
func (k objectKey) ofInstance() objectKey {
	k.label = ""
	return k
}

// said is what RyzeAPI has said of an object.
type said struct {
	answer []byte          // to a read; nil if the object is not configured
	listed json.RawMessage // its part of a list item
	isList bool            // it is that part
}

// understand decodes what RyzeAPI has said. It reports false if that does not tell all of the object.
func (o Object[T]) understand(s said) (object T, ok bool) {
	switch {
	case s.isList:
		return o.decodeListed(s.listed)
	case s.answer == nil:
		return object, true
	}
	object, err := o.decode(s.answer)
	return object, err == nil
}

// Get reads the object. It always asks RyzeAPI.
func (o Object[T]) Get(ctx context.Context) (T, error) {
	object, _, err := o.get(ctx, request{maxRetries: o.client.maxRetries})
	return object, err
}

// Listed returns the object as a list of the instances has it. It reports false if the list does not have all of it.
func (o Object[T]) Listed(instance Instance) (T, bool) {
	return o.decodeListed(instance.objects[o.key.kind])
}

func (o Object[T]) get(ctx context.Context, how request) (T, []byte, error) {
	how.method, how.path = http.MethodGet, o.readPath+url.PathEscape(o.key.instance)
	return o.call(ctx, how)
}

// write sends the object's new configuration, and returns what RyzeAPI says that it has saved. No message shows the
// secrets.
func (o Object[T]) write(ctx context.Context, body any, secrets ...Secret) (T, error) {
	defer o.client.lists.beginWrite(o.key)()
	saved, _, err := o.call(ctx, request{
		method: http.MethodPost, path: o.writePath + url.PathEscape(o.key.instance), body: body, secrets: secrets,
		maxRetries: o.client.maxRetries,
	})
	return saved, err
}

func (o Object[T]) call(ctx context.Context, req request) (object T, answer []byte, err error) {
	req.instance = o.key.instance
	if req.method == http.MethodGet {
		req.isUnconfigured = o.isUnconfigured
	}
	err = o.client.call(ctx, req, func(body []byte) error {
		object, answer = *new(T), body
		if body != nil {
			object, err = o.decode(body)
			return err
		}
		return nil
	})
	return object, answer, err
}

// payload returns a part of an answer, which every answer about the object has.
func payload(answer []byte, name string) json.RawMessage {
	var parts map[string]json.RawMessage
	_ = json.Unmarshal(answer, &parts) // anything but an object has no parts
	return parts[name]
}

// decodeEnabled decodes an object that has the field "enabled". An answer without that field must not be mistaken for
// something that is disabled.
func decodeEnabled[T any](name string, object json.RawMessage) (T, error) {
	var value, none T
	var enabled *struct {
		Enabled *bool `json:"enabled"`
	}
	if len(object) > 0 && errors.Join(json.Unmarshal(object, &enabled), json.Unmarshal(object, &value)) != nil {
		return none, fmt.Errorf("the %s object in it has a field of the wrong type", name)
	}
	if enabled == nil || enabled.Enabled == nil {
		return none, fmt.Errorf(`the field "%s.enabled" is missing from it`, name)
	}
	return value, nil
}

// hasFields reports whether an object has all the named fields, null ones included.
func hasFields(object json.RawMessage, names ...string) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(object, &fields) != nil {
		return false
	}
	for _, name := range names {
		if _, ok := fields[name]; !ok {
			return false
		}
	}
	return true
}
