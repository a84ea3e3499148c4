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

variable "webhook_authorization" {
  type      = string
  ephemeral = true
  sensitive = true
}

variable "proxy_password" {
  type      = string
  ephemeral = true
  sensitive = true
}

locals {
  instance = "shop-1"
}

resource "ryzeapi_instance_settings" "shop" {
  instance              = local.instance
  auto_reject_calls     = true
  call_reject_message   = "We cannot take calls here. Please write to us."
  ignore_group_messages = true
}

resource "ryzeapi_instance_webhook" "shop" {
  instance      = local.instance
  url           = "https://hooks.example.com/whatsapp"
  authorization = var.webhook_authorization
}

resource "ryzeapi_instance_websocket" "shop" {
  instance = local.instance
  events   = ["instance.state"]
}

resource "ryzeapi_instance_proxy" "shop" {
  instance = local.instance
  protocol = "socks5"
  host     = "proxy.example.com"
  port     = 1080
  username = "shop"
  password = var.proxy_password
}

resource "ryzeapi_instance_s3" "shop" {
  instance    = local.instance
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/shop-1/"
}
