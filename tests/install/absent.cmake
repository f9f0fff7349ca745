find_package(heavykeys 0.1 REQUIRED COMPONENTS ${ABSENT})
