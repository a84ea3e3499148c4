# Checks what the module makes of its input, without any server.

# Without these, the mock provider makes up false and 0.
mock_provider "ryzeapi" {
  mock_resource "ryzeapi_instance_s3" {
    defaults = {
      enabled            = true
      secret_key_version = 1
    }
  }
}

variables {
  instances = {
    shop-1  = {}
    support = { bucket = "support-media", path_prefix = "inbox/" }
  }
  bucket     = "ryzeapi-media"
  storage    = { region = "us-east-1", access_key = "AKIAIOSFODNN7EXAMPLE" }
  secret_key = "not-a-real-secret"
}

run "defaults_and_overrides" {
  command = plan

  assert {
    condition = output.locations == {
      shop-1  = "s3://ryzeapi-media/media/shop-1/"
      support = "s3://support-media/inbox/"
    }
    error_message = "Locations: ${jsonencode(output.locations)}"
  }
}

run "another_store" {
  command = plan

  variables {
    storage = { endpoint = "https://minio.example.com", access_key = "minioadmin" }
  }

  assert {
    condition     = alltrue([for s3 in ryzeapi_instance_s3.this : s3.endpoint == "https://minio.example.com" && s3.region == null])
    error_message = "An instance has a different endpoint."
  }
}

run "storage_is_enabled" {
  command = apply

  assert {
    condition     = alltrue([for s3 in ryzeapi_instance_s3.this : s3.enabled])
    error_message = "The storage of an instance is not enabled."
  }
}
