import {
  to = ryzeapi_instance_settings.shop
  id = "shop-1"
}
