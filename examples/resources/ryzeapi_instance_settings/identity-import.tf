import {
  to = ryzeapi_instance_settings.shop
  identity = {
    instance = "shop-1"
  }
}
