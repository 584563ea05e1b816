"""One class per site: each answers the backend contract from the sources that the site has."""
