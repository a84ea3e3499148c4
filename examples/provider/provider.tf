terraform {
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

# The token comes from the environment variable RYZEAPI_TOKEN.
provider "ryzeapi" {}
