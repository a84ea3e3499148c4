# Checks what the module makes of its input, without any server.
mock_provider "ryzeapi" {}

variables {
  name = "tenant-1"
}

run "only_the_instance" {
  command = plan

  assert {
    condition = (length(ryzeapi_instance_settings.this) + length(ryzeapi_instance_webhook.this) +
      length(ryzeapi_instance_websocket.this) + length(ryzeapi_instance_proxy.this) +
    length(ryzeapi_instance_s3.this)) == 0
    error_message = "A part is managed that was left out."
  }

  assert {
    condition     = ryzeapi_instance.this.deletion_protection
    error_message = "The instance is not protected."
  }
}

run "storage_has_a_prefix_of_its_own" {
  command = plan

  variables {
    storage            = { region = "us-east-1", bucket = "ryzeapi-media", access_key = "AKIAIOSFODNN7EXAMPLE" }
    storage_secret_key = "not-a-real-secret"
  }

  assert {
    condition     = ryzeapi_instance_s3.this[0].path_prefix == "media/tenant-1/"
    error_message = "Prefix: ${ryzeapi_instance_s3.this[0].path_prefix}"
  }
}
