# Checks what the module makes of its input, without any server.

mock_provider "ryzeapi" {
  mock_resource "ryzeapi_instance" {
    defaults = {
      id = "1"
    }
  }
}

# In a run that applies, "terraform test" needs a value for each ephemeral variable, even for those that are not used.
variables {
  name                   = "shop-1"
  webhook_authorizations = {}
  proxy_password         = "not-a-real-secret"
  storage_secret_key     = "not-a-real-secret"
}

run "an_instance_and_nothing_else" {
  command = apply

  assert {
    condition     = output.name == "shop-1" && output.id == "1" && ryzeapi_instance.this.deletion_protection
    error_message = "The instance is not as it should be."
  }

  assert {
    condition = 0 == length(concat(
      ryzeapi_instance_settings.this,
      values(ryzeapi_instance_webhook.this),
      ryzeapi_instance_websocket.this,
      ryzeapi_instance_proxy.this,
      ryzeapi_instance_s3.this,
    ))
    error_message = "The module manages a part that was left out."
  }
}

run "all_parts" {
  command = plan

  variables {
    settings               = { ignore_status = true }
    webhooks               = { default = { url = "https://hooks.example.com/whatsapp" } }
    webhook_authorizations = { default = "not-a-real-secret" }
    websocket              = {}
    proxy                  = { protocol = "socks5", host = "proxy.example.com", port = 1080 }
    storage                = { region = "us-east-1", bucket = "ryzeapi-media", access_key = "AKIAIOSFODNN7EXAMPLE" }
  }

  assert {
    condition = alltrue([for part in concat(
      ryzeapi_instance_settings.this,
      values(ryzeapi_instance_webhook.this),
      ryzeapi_instance_websocket.this,
      ryzeapi_instance_proxy.this,
      ryzeapi_instance_s3.this,
    ) : part.instance == "shop-1"])
    error_message = "A part is of another instance."
  }

  assert {
    condition     = ryzeapi_instance_webhook.this["default"].label == "default"
    error_message = "The webhook has another label."
  }

  assert {
    condition     = ryzeapi_instance_s3.this[0].path_prefix == "media/shop-1/"
    error_message = "The media are in ${ryzeapi_instance_s3.this[0].path_prefix}."
  }
}

run "no_prefix" {
  command = plan

  variables {
    storage = { endpoint = "https://minio.example.com", bucket = "media", access_key = "minioadmin", path_prefix = "" }
  }

  assert {
    condition     = ryzeapi_instance_s3.this[0].path_prefix == ""
    error_message = "The media are in ${ryzeapi_instance_s3.this[0].path_prefix}."
  }
}

run "an_authorization_without_a_webhook" {
  command = plan

  variables {
    webhooks               = { default = { url = "https://hooks.example.com/whatsapp" } }
    webhook_authorizations = { defualt = "not-a-real-secret" }
  }

  expect_failures = [var.webhook_authorizations]
}
