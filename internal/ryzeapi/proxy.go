package ryzeapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Proxy is the proxy that an instance connects through, without the password. Null, absent and empty fields are "".
type Proxy struct {
	Enabled  bool
	Host     string
	Port     string
	Protocol string // http, https or socks5
	Username string
}

// ProxyConfig is a complete configuration of an instance's proxy, as it is sent.
type ProxyConfig struct {
	Host     string
	Port     string
	Protocol string
	Username string
	Password Secret
}

// Proxy is the proxy of an instance. Without one, it is disabled.
func (c *Client) Proxy(instance string) Object[Proxy] {
	return Object[Proxy]{
		client: c, key: objectKey{kind: "proxy", instance: instance},
		readPath: "/api/instance/getProxy/", writePath: "/api/instance/proxy/",
		decode: func(answer []byte) (Proxy, error) { return decodeProxy(payload(answer, "proxy")) },
		decodeListed: func(object json.RawMessage) (Proxy, bool) {
			proxy, err := decodeProxy(object)
			isWhole := !proxy.Enabled ||
				hasFields(object, "username") && proxy.Host != "" && proxy.Port != "" && proxy.Protocol != ""
			return proxy, err == nil && isWhole
		},
	}
}

// UpdateProxy saves and enables a complete configuration, and returns what RyzeAPI says that it has saved. If its
// answer does not say, the proxy is read.
func (c *Client) UpdateProxy(ctx context.Context, instance string, config ProxyConfig) (Proxy, error) {
	body := struct {
		Enabled  bool   `json:"enabled"`
		Host     string `json:"host"`
		Port     string `json:"port"`
		Protocol string `json:"protocol"`
		Username string `json:"username"`
		Password string `json:"password"`
	}{true, config.Host, config.Port, config.Protocol, config.Username, config.Password.Reveal()}
	return c.writeProxy(ctx, instance, body, config.Password)
}

// DisableProxy removes the proxy of an instance.
func (c *Client) DisableProxy(ctx context.Context, instance string) (Proxy, error) {
	return c.writeProxy(ctx, instance, disabled{})
}

func (c *Client) writeProxy(ctx context.Context, instance string, body any, secrets ...Secret) (Proxy, error) {
	o := c.Proxy(instance)
	decode, answersProxy := o.decode, true
	o.decode = func(answer []byte) (Proxy, error) {
		if answersProxy = payload(answer, "proxy") != nil; !answersProxy {
			return Proxy{}, nil
		}
		return decode(answer)
	}
	saved, err := o.write(ctx, body, secrets...)
	if err != nil || answersProxy {
		return saved, err
	}
	saved, err = c.Proxy(instance).Get(ctx)
	if failed, ok := errors.AsType[*CallError](err); ok {
		failed.MayHaveTakenEffect = true // the write has
	}
	return saved, err
}

// Reconnect asks an instance to connect anew, which is when a changed proxy takes effect. It reports false if the
// instance has no session, so that there is nothing to reconnect.
func (c *Client) Reconnect(ctx context.Context, instance string) (hasSession bool, err error) {
	err = c.call(ctx, request{
		method: http.MethodPost, path: "/api/instance/reconnect/" + url.PathEscape(instance), instance: instance,
		maxRetries: c.maxRetries,
	}, func([]byte) error { return nil })
	said, ok := errors.AsType[*APIError](err)
	if ok && said.StatusCode == http.StatusBadRequest && strings.Contains(strings.ToLower(said.Message), "session") {
		return false, nil
	}
	return err == nil, err
}

func decodeProxy(object json.RawMessage) (Proxy, error) {
	type fields struct {
		Enabled  bool            `json:"enabled"`
		Host     string          `json:"host"`
		Port     json.RawMessage `json:"port"` // a string or a number
		Protocol string          `json:"protocol"`
		Username string          `json:"username"`
	}
	p, err := decodeEnabled[fields]("proxy", object)
	return Proxy{p.Enabled, p.Host, stringOrNumber(p.Port), p.Protocol, p.Username}, err
}
