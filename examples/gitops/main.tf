terraform {
  required_version = ">= 1.11"
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
  # A pipeline needs a backend for its state; add yours here.
}

# The token comes from the environment variable RYZEAPI_TOKEN.
provider "ryzeapi" {
  preflight_when = "always" # every plan asks the store whether the key still works
}

# Set as TF_VAR_secret_key from the pipeline's secret store. Ephemeral values are never written to
# state or plan files.
variable "secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

resource "ryzeapi_instance_s3" "shop" {
  instance    = "shop-1"
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/shop-1/"
}
