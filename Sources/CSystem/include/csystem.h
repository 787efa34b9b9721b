#pragma once
#include "csystem_read.h"
