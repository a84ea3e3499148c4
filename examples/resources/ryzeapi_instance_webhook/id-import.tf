import {
  to = ryzeapi_instance_webhook.calls
  id = "shop-1/calls"
}
