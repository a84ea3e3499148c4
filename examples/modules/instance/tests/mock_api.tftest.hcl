# Runs the real provider against ryzeapi-mock, which must be running. The address is set here so that
# no test ever reaches instances in use.
provider "ryzeapi" {
  endpoint  = "http://127.0.0.1:8080"
  token     = "mock-account-token"
  preflight = "off" # the bucket does not exist
}

variables {
  name                   = "tenant-1"
  deletion_protection    = false # the test deletes the instance at its end
  settings               = { ignore_group_messages = true }
  webhooks               = { default = { url = "https://hooks.example.com" }, calls = { url = "https://calls.example.com" } }
  webhook_authorizations = { default = "first-secret" }
  websocket              = { events = ["instance.state"] }
  proxy                  = { protocol = "socks5", host = "proxy.example.com", port = 1080 }
  proxy_password         = "first-secret"
  storage                = { region = "us-east-1", bucket = "ryzeapi-media", access_key = "AKIAIOSFODNN7EXAMPLE" }
  storage_secret_key     = "first-secret"
}

run "create" {
  assert {
    condition     = output.id != null
    error_message = "RyzeAPI has given the instance no ID."
  }
}

run "rotate" {
  variables {
    webhook_authorizations = { default = "second-secret" }
    proxy_password         = "second-secret"
    storage_secret_key     = "second-secret"
  }

  assert {
    condition = (ryzeapi_instance_webhook.this["default"].authorization_version == 2 &&
    ryzeapi_instance_proxy.this[0].password_version == 2 && ryzeapi_instance_s3.this[0].secret_key_version == 2)
    error_message = "A secret was not rotated."
  }
}

run "leave_out_a_part" {
  variables {
    webhook_authorizations = { default = "second-secret" }
    proxy                  = null
    storage_secret_key     = "second-secret"
  }

  assert {
    condition     = length(ryzeapi_instance_proxy.this) == 0
    error_message = "The proxy is still managed."
  }
}
