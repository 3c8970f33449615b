"""Policy documents from tables that CMS and the OIG publish. Pure: from sheets to files."""
