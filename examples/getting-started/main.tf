terraform {
  required_version = ">= 1.11"
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

# The token comes from the environment variable RYZEAPI_TOKEN.
provider "ryzeapi" {}

# Ephemeral values are never written to state or plan files.
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
