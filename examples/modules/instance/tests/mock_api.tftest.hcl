# Runs the real provider against ryzeapi-mock, which must be running. The address is set here so that
# no test ever reaches instances in use.
provider "ryzeapi" {
  endpoint  = "http://127.0.0.1:8080"
  token     = "mock-account-token"
  preflight = "off" # the bucket does not exist
}

variables {
  name                = "module-test"
  deletion_protection = false # so that the test can delete the instance
  settings            = { auto_reject_calls = true, call_reject_message = "Please write to us." }
  webhooks = {
    default = { url = "https://hooks.example.com/whatsapp" }
    calls   = { url = "https://hooks.example.com/calls", events = ["call.update"], by_events = true }
  }
  webhook_authorizations = { default = "first-authorization" }
  websocket              = { events = ["instance.state"] }
  proxy                  = { protocol = "socks5", host = "proxy.example.com", port = 1080, reconnect = true }
  proxy_password         = "first-password"
  storage                = { region = "us-east-1", bucket = "ryzeapi-media", access_key = "AKIAIOSFODNN7EXAMPLE" }
  storage_secret_key     = "first-secret"
}

run "create" {
  assert {
    condition     = output.name == "module-test" && output.id != null
    error_message = "The instance is ${jsonencode(output.name)} with the ID ${jsonencode(output.id)}."
  }

  assert {
    condition = (
      ryzeapi_instance_webhook.this["default"].authorization_version == 1 &&
      ryzeapi_instance_proxy.this[0].password_version == 1 &&
      ryzeapi_instance_s3.this[0].secret_key_version == 1
    )
    error_message = "A secret was not sent."
  }

  assert {
    condition     = ryzeapi_instance_webhook.this["calls"].authorization_version == null
    error_message = "The webhook for calls has an authorization."
  }
}

run "rotate_one_secret" {
  variables {
    proxy_password = "second-password"
  }

  assert {
    condition     = ryzeapi_instance_proxy.this[0].password_version == 2
    error_message = "The password was not sent."
  }

  assert {
    condition = (
      ryzeapi_instance_webhook.this["default"].authorization_version == 1 &&
      ryzeapi_instance_s3.this[0].secret_key_version == 1
    )
    error_message = "Another secret was sent as well."
  }
}

run "leave_parts_out" {
  variables {
    settings               = null
    webhooks               = {}
    webhook_authorizations = {}
    proxy                  = null
  }

  assert {
    condition     = length(ryzeapi_instance_webhook.this) == 0 && length(ryzeapi_instance_proxy.this) == 0
    error_message = "A part is still managed."
  }

  assert {
    condition     = ryzeapi_instance_s3.this[0].secret_key_version == 1
    error_message = "The secret of the storage was sent as well."
  }
}
