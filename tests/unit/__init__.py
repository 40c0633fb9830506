"""The modules of hookframe, one by one."""
