# One instance with all that it needs. What you leave out, the module does not manage.
terraform {
  required_version = ">= 1.11"
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

variable "name" {
  description = "Name of the instance. Another name means another instance: the old one is deleted."
  type        = string
}

variable "deletion_protection" {
  description = "Whether a plan that would delete the instance is an error."
  type        = bool
  default     = true
  nullable    = false
}

variable "settings" {
  description = "Settings of the instance. What you leave out has its default. Null: the module does not manage them."
  type = object({
    auto_read_messages    = optional(bool)
    auto_reject_calls     = optional(bool)
    call_reject_message   = optional(string)
    disable_history_sync  = optional(bool)
    ignore_group_messages = optional(bool)
    ignore_status         = optional(bool)
    keep_online_status    = optional(bool)
  })
  default = null
}

variable "webhooks" {
  description = "Webhooks of the instance, by label. At most three of them can be enabled."
  type = map(object({
    url                   = optional(string)
    enabled               = optional(bool)
    events                = optional(set(string))
    by_events             = optional(bool)
    media_base64          = optional(bool)
    authorization_version = optional(number)
  }))
  default  = {}
  nullable = false
}

variable "websocket" {
  description = "WebSocket of the instance. Null: the module does not manage it."
  type = object({
    events       = optional(set(string))
    media_base64 = optional(bool)
  })
  default = null
}

variable "proxy" {
  description = "Proxy that the instance connects through. Null: the module does not manage it."
  type = object({
    protocol         = string
    host             = string
    port             = number
    username         = optional(string)
    password_version = optional(number)
    reconnect        = optional(bool)
  })
  default = null
}

variable "storage" {
  description = "Where the media are stored: the bucket must exist. Without path_prefix, it is media/<name>/."
  type = object({
    region             = optional(string)
    endpoint           = optional(string)
    bucket             = string
    access_key         = string
    secret_key_version = optional(number)
    path_prefix        = optional(string)
    preflight          = optional(string)
  })
  default = null
}

# The secrets are apart from the rest, so that they can be ephemeral: they are in no state and no plan.

variable "webhook_authorizations" {
  description = "Values of the Authorization header of the webhooks' deliveries, by label."
  type        = map(string)
  ephemeral   = true
  sensitive   = true
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for label in keys(var.webhook_authorizations) : contains(keys(var.webhooks), label)])
    error_message = "A label in webhook_authorizations is not in webhooks."
  }
}

variable "proxy_password" {
  description = "Password for the proxy."
  type        = string
  ephemeral   = true
  sensitive   = true
  default     = null
}

variable "storage_secret_key" {
  description = "Secret of the access key in storage."
  type        = string
  ephemeral   = true
  sensitive   = true
  default     = null
}

resource "ryzeapi_instance" "this" {
  name                = var.name
  deletion_protection = var.deletion_protection
}

resource "ryzeapi_instance_settings" "this" {
  count = var.settings != null ? 1 : 0

  instance              = ryzeapi_instance.this.name
  auto_read_messages    = var.settings.auto_read_messages
  auto_reject_calls     = var.settings.auto_reject_calls
  call_reject_message   = var.settings.call_reject_message
  disable_history_sync  = var.settings.disable_history_sync
  ignore_group_messages = var.settings.ignore_group_messages
  ignore_status         = var.settings.ignore_status
  keep_online_status    = var.settings.keep_online_status
}

resource "ryzeapi_instance_webhook" "this" {
  for_each = var.webhooks

  instance              = ryzeapi_instance.this.name
  label                 = each.key
  enabled               = each.value.enabled
  url                   = each.value.url
  events                = each.value.events
  by_events             = each.value.by_events
  media_base64          = each.value.media_base64
  authorization         = lookup(var.webhook_authorizations, each.key, null)
  authorization_version = each.value.authorization_version
}

resource "ryzeapi_instance_websocket" "this" {
  count = var.websocket != null ? 1 : 0

  instance     = ryzeapi_instance.this.name
  events       = var.websocket.events
  media_base64 = var.websocket.media_base64
}

resource "ryzeapi_instance_proxy" "this" {
  count = var.proxy != null ? 1 : 0

  instance         = ryzeapi_instance.this.name
  protocol         = var.proxy.protocol
  host             = var.proxy.host
  port             = var.proxy.port
  username         = var.proxy.username
  password         = var.proxy_password
  password_version = var.proxy.password_version
  reconnect        = var.proxy.reconnect
}

resource "ryzeapi_instance_s3" "this" {
  count = var.storage != null ? 1 : 0

  instance           = ryzeapi_instance.this.name
  region             = var.storage.region
  endpoint           = var.storage.endpoint
  bucket             = var.storage.bucket
  access_key         = var.storage.access_key
  secret_key         = var.storage_secret_key
  secret_key_version = var.storage.secret_key_version
  path_prefix        = var.storage.path_prefix != null ? var.storage.path_prefix : "media/${var.name}/"
  preflight          = var.storage.preflight
}

output "name" {
  description = "Name of the instance."
  value       = ryzeapi_instance.this.name
}

output "id" {
  description = "ID that RyzeAPI has given the instance."
  value       = ryzeapi_instance.this.id
}
