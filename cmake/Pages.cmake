# The manual pages and the completions for shells: the program itself says what its commands and keys are.
string(TIMESTAMP date "%Y-%m-%d" UTC)

# made_by_program(FILE ARGUMENT...): FILE in the build folder, of what `gatehouse ARGUMENT...` prints.
function(made_by_program file)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/${file} DEPENDS gatehouse
    COMMAND gatehouse ${ARGN} > ${PROJECT_BINARY_DIR}/${file})
endfunction()

# manual_page(NAME.SECTION PART): docs/NAME.SECTION.in, with what the program prints for PART in the place of the line @made@.
function(manual_page page part)
  made_by_program(${page}.made ${part})
  set(made @made@)
  configure_file(${PROJECT_SOURCE_DIR}/docs/${page}.in ${page}.frame @ONLY)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/${page} DEPENDS ${PROJECT_BINARY_DIR}/${page}.made ${PROJECT_BINARY_DIR}/${page}.frame
    COMMAND sed -e "/^@made@\$/{r ${page}.made" -e "d}" ${page}.frame > ${page} WORKING_DIRECTORY ${PROJECT_BINARY_DIR} VERBATIM)
  compressed(${PROJECT_BINARY_DIR}/${page} ${page})
  string(REGEX MATCH "[0-9]+$" section ${page})
  install(FILES ${PROJECT_BINARY_DIR}/${page}.gz DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section} COMPONENT gatehouse)
endfunction()
manual_page(gatehouse.1 manual-commands)
manual_page(gatehouse.toml.5 manual-keys)

made_by_program(completion.bash completion bash)
made_by_program(completion.fish completion fish)
made_by_program(completion.zsh completion zsh)
add_custom_target(completions ALL
  DEPENDS ${PROJECT_BINARY_DIR}/completion.bash ${PROJECT_BINARY_DIR}/completion.fish ${PROJECT_BINARY_DIR}/completion.zsh)
set(data ${CMAKE_INSTALL_DATADIR})
install(FILES ${PROJECT_BINARY_DIR}/completion.bash DESTINATION ${data}/bash-completion/completions RENAME gatehouse
  COMPONENT gatehouse)
install(FILES ${PROJECT_BINARY_DIR}/completion.fish DESTINATION ${data}/fish/vendor_completions.d RENAME gatehouse.fish
  COMPONENT gatehouse)
install(FILES ${PROJECT_BINARY_DIR}/completion.zsh DESTINATION ${data}/zsh/vendor-completions RENAME _gatehouse
  COMPONENT gatehouse)
