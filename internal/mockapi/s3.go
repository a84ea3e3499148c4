package mockapi

import "net/http"

// Storage is the S3 storage of an instance as the server holds it, including the secret.
type Storage struct {
	Enabled    bool
	Region     string
	Bucket     string
	AccessKey  string
	SecretKey  string
	Endpoint   string
	PathPrefix string
}

// S3 returns the storage of an instance, or the zero Storage if there is no such instance.
func (a *Account) S3(name string) Storage {
	return look(a, name, func(i *instance) Storage { return i.storage })
}

// ChangeS3 changes the storage of an instance behind Terraform's back. It does nothing if there is no such instance.
func (a *Account) ChangeS3(name string, change func(*Storage)) {
	a.change(name, func(i *instance) { change(&i.storage) })
}

func (s *Server) updateS3(r *http.Request, i *instance) answer {
	var body struct {
		Enabled    *bool   `json:"enabled"`
		Region     *string `json:"region"`
		Bucket     *string `json:"bucket"`
		AccessKey  *string `json:"accessKey"`
		SecretKey  *string `json:"secretKey"`
		Endpoint   *string `json:"endpoint"`
		PathPrefix *string `json:"pathPrefix"`
	}
	if !decode(r, &body) || body.Enabled == nil {
		return failure(http.StatusBadRequest, "Invalid request body")
	}
	old := i.storage
	i.storage = Storage{}
	if *body.Enabled {
		i.storage = Storage{
			Enabled:    true,
			Region:     sent(s, body.Region, old.Region),
			Bucket:     sent(s, body.Bucket, old.Bucket),
			AccessKey:  sent(s, body.AccessKey, old.AccessKey),
			SecretKey:  sent(s, body.SecretKey, old.SecretKey),
			Endpoint:   apply(s.options.NormalizeEndpoint, sent(s, body.Endpoint, old.Endpoint)),
			PathPrefix: apply(s.options.NormalizePathPrefix, sent(s, body.PathPrefix, old.PathPrefix)),
		}
	}
	alter(s.options.Alter, &i.storage)
	return success("S3 configuration updated", "s3", s.s3Object(i.storage))
}

func (s *Server) getS3(_ *http.Request, i *instance) answer {
	object := s.s3Object(i.storage)
	object["secretKey"] = nil
	return success("", "s3", object)
}

// s3Object is storage as every answer shows it: without its secret.
func (s *Server) s3Object(st Storage) map[string]any {
	object := map[string]any{"enabled": st.Enabled}
	for name, value := range map[string]string{
		"region": st.Region, "bucket": st.Bucket, "accessKey": apply(s.options.MaskAccessKey, st.AccessKey),
		"endpoint": st.Endpoint, "pathPrefix": st.PathPrefix,
	} {
		s.setString(object, name, value, st.Enabled)
	}
	return object
}

func apply(f func(string) string, value string) string {
	if f == nil || value == "" {
		return value
	}
	return f(value)
}
