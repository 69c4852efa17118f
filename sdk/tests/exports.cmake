# Fails unless FILE exports exactly one symbol, gatehouse_plugin_v1.
execute_process(COMMAND ${NM} -D --defined-only ${FILE} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(STRIP "${symbols}" symbols)
if(NOT symbols MATCHES "^[0-9a-f]+ T gatehouse_plugin_v1$")
  message(FATAL_ERROR "${FILE} should export gatehouse_plugin_v1 and nothing else, but has:\n${symbols}")
endif()
