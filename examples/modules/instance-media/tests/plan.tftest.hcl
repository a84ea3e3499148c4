# Checks what the module makes of its input, without any server.

mock_provider "ryzeapi" {}

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
