import {
  to = ryzeapi_instance_webhook.calls
  identity = {
    instance = "shop-1"
    label    = "calls"
  }
}
