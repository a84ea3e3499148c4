import {
  to = ryzeapi_instance_proxy.shop
  identity = {
    instance = "shop-1"
  }
}
