package s3store

import (
	"net/http"
	"net/http/httputil"
	"strings"
)

// Proxy is a reverse proxy in front of the store that changes the headers of every request, as many do.
func (s *Store) Proxy(change func(http.Header)) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.Out.URL.Scheme, r.Out.URL.Host, r.Out.Host = "http", strings.TrimPrefix(s.URL, "http://"), r.In.Host
			change(r.Out.Header)
		},
		Transport: &http.Transport{DisableCompression: true},
	}
}
