package mockapi

import (
	"net/http"
	"strconv"
)

// Proxy is the proxy of an instance as the server holds it, including the password.
type Proxy struct {
	Enabled  bool
	Host     string
	Port     string
	Protocol string
	Username string
	Password string
}

// Proxy returns the proxy of an instance, or the zero Proxy if there is no such instance.
func (a *Account) Proxy(name string) Proxy {
	return look(a, name, func(i *instance) Proxy { return i.proxy })
}

// ChangeProxy changes the proxy of an instance behind Terraform's back. It does nothing if there is no such instance.
func (a *Account) ChangeProxy(name string, change func(*Proxy)) {
	a.change(name, func(i *instance) { change(&i.proxy) })
}

// Reconnects returns how often an instance was asked to reconnect.
func (a *Account) Reconnects(name string) int {
	return look(a, name, func(i *instance) int { return i.reconnects })
}

func (s *Server) updateProxy(r *http.Request, i *instance) answer {
	var body struct {
		Enabled  *bool   `json:"enabled"`
		Host     *string `json:"host"`
		Port     *string `json:"port"`
		Protocol *string `json:"protocol"`
		Username *string `json:"username"`
		Password *string `json:"password"`
	}
	if !decode(r, &body) || body.Enabled == nil {
		return failure(http.StatusBadRequest, "Invalid request body")
	}
	old := i.proxy
	i.proxy = Proxy{}
	if *body.Enabled {
		i.proxy = Proxy{
			Enabled:  true,
			Host:     sent(s, body.Host, old.Host),
			Port:     sent(s, body.Port, old.Port),
			Protocol: sent(s, body.Protocol, old.Protocol),
			Username: sent(s, body.Username, old.Username),
			Password: sent(s, body.Password, old.Password),
		}
	}
	alter(s.options.AlterProxy, &i.proxy)
	if s.options.BareProxyAnswer {
		return answer{http.StatusOK, map[string]any{"success": true, "message": "Proxy updated"}}
	}
	return success("Proxy updated", "proxy", s.proxyObject(i.proxy))
}

func (s *Server) getProxy(_ *http.Request, i *instance) answer {
	return success("", "proxy", s.proxyObject(i.proxy))
}

// proxyObject is a proxy as every answer shows it: without its password.
func (s *Server) proxyObject(p Proxy) map[string]any {
	object := map[string]any{"enabled": p.Enabled}
	s.setString(object, "host", p.Host, p.Enabled)
	s.setString(object, "protocol", p.Protocol, p.Enabled)
	s.setString(object, "username", p.Username, p.Enabled)
	s.setString(object, "port", p.Port, p.Enabled)
	if port, err := strconv.Atoi(p.Port); err == nil && p.Enabled && s.options.PortNumber {
		object["port"] = port
	}
	return object
}

func (s *Server) reconnect(_ *http.Request, i *instance) answer {
	if s.options.NoSession {
		return failure(http.StatusBadRequest, "Instance has no saved session, connect it first")
	}
	i.reconnects++
	return answer{http.StatusOK, map[string]any{
		"success": true, "message": "Reconnect initiated", "status": "connecting",
	}}
}
