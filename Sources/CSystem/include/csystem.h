#pragma once
#include "csystem_process.h"
#include "csystem_read.h"
#include "csystem_sha256.h"
#include "csystem_write.h"
