import {
  to = ryzeapi_instance.shop
  identity = {
    name = "shop-1"
  }
}
