#pragma once
#include "csystem_read.h"
#include "csystem_write.h"
