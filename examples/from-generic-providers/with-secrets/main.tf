terraform {
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

variable "secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

variable "webhook_authorization" {
  type      = string
  ephemeral = true
  sensitive = true
}

resource "ryzeapi_instance_s3" "media" {
  instance    = "shop-1"
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/shop-1/"
}

resource "ryzeapi_instance_webhook" "orders" {
  instance      = "shop-1"
  url           = "https://hooks.example.com/orders"
  authorization = var.webhook_authorization
}
