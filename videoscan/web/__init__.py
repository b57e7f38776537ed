"""The HTTP service: routes, who may call them, and the document that describes them. The only package that imports `aiohttp.web`."""
