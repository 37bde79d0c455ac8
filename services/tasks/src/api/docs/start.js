// A separate file, because the content security policy allows no inline script.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // Without this, the page asks a server on the internet to check the document.
  validatorUrl: null,
});
