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

variable "aws_secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

variable "minio_secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

resource "ryzeapi_instance_s3" "shop" {
  instance    = "shop-1"
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.aws_secret_key
  path_prefix = "media/shop-1/"
}

resource "ryzeapi_instance_s3" "support" {
  instance    = "support"
  endpoint    = "https://minio.example.com"
  region      = "us-east-1"
  bucket      = "whatsapp"
  access_key  = "minioadmin"
  secret_key  = var.minio_secret_key
  path_prefix = "support/"
}
