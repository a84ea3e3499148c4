# Runs the real provider against ryzeapi-mock, which must be running. The address is set here so that
# no test ever reaches instances in use.
provider "ryzeapi" {
  endpoint  = "http://127.0.0.1:8080"
  token     = "mock-account-token"
  preflight = "off" # the buckets do not exist
}

variables {
  instances = {
    shop-1  = {}
    support = { bucket = "support-media" }
  }
  bucket     = "ryzeapi-media"
  storage    = { region = "us-east-1", access_key = "AKIAIOSFODNN7EXAMPLE" }
  secret_key = "first-secret"
}

run "create" {
  assert {
    condition     = output.secret_key_versions == { shop-1 = 1, support = 1 }
    error_message = "Versions: ${jsonencode(output.secret_key_versions)}"
  }
}

run "rotate" {
  variables {
    secret_key = "second-secret"
  }

  assert {
    condition     = output.secret_key_versions == { shop-1 = 2, support = 2 }
    error_message = "Versions: ${jsonencode(output.secret_key_versions)}"
  }
}

run "nothing_to_rotate" {
  command = plan

  variables {
    secret_key = "second-secret"
  }

  assert {
    condition     = output.secret_key_versions == { shop-1 = 2, support = 2 }
    error_message = "Versions: ${jsonencode(output.secret_key_versions)}"
  }
}
