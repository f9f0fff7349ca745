find_package(heavykeys 0.1 REQUIRED COMPONENTS cuda)
