-- SPDX-License-Identifier: Apache-2.0
-- One line of JSON for each call that the firewall stopped or found suspicious. It holds no path, no query, no header,
-- no body and no value that a rule matched: only what this file knows the words of, numbers, and the caller's address.

local FILE = "/var/log/gateway-nginx/alerts.json"

-- What a rule of the core rule set is about, by the first three digits of its number.
local KINDS = {
    ["911"] = "method", ["913"] = "scanner", ["920"] = "protocol", ["921"] = "smuggling", ["922"] = "multipart",
    ["930"] = "traversal", ["931"] = "remote-file", ["932"] = "command", ["933"] = "php", ["934"] = "code",
    ["941"] = "script", ["942"] = "sql", ["943"] = "session", ["944"] = "java", ["190"] = "body",
}
local METHODS = { GET = 1, HEAD = 1, POST = 1, PUT = 1, PATCH = 1, DELETE = 1, OPTIONS = 1 }

local function told(name, pattern)
    local value = m.getvar(name)
    return value ~= nil and string.match(tostring(value), "^" .. pattern .. "$") or ""
end

local function found(ids)
    local rules, kinds, seen = {}, {}, {}
    for id in string.gmatch(ids, "%d+") do
        local kind = KINDS[string.sub(id, 1, 3)]
        -- Numbers that end in less than 100 steer the rule set and find nothing.
        if kind and #id == 6 and tonumber(string.sub(id, 4)) >= 100 and not seen[id] then
            seen[id] = true
            rules[#rules + 1] = id
            if not seen[kind] then
                seen[kind] = true
                kinds[#kinds + 1] = '"' .. kind .. '"'
            end
        end
    end
    return rules, kinds
end

function main()
    local rules, kinds = found(told("TX:gateway_rules", "[%d ]*"))
    local score = tonumber(told("TX:anomaly_score", "%d+")) or 0
    local stopped = score >= 5 or told("TX:gateway_stopped", "1") == "1"
    local method = told("REQUEST_METHOD", "%u+")
    local file = io.open(FILE, "a")
    if file == nil then
        return nil
    end
    file:write(string.format(
        '{"at":"%s","request":"%s","client":"%s","method":"%s","kinds":[%s],"rules":[%s],"score":%d,"stopped":%s}\n',
        os.date("!%Y-%m-%dT%H:%M:%SZ"), told("UNIQUE_ID", "%x+"), told("REMOTE_ADDR", "[%x.:]+"),
        METHODS[method] and method or "other", table.concat(kinds, ","), table.concat(rules, ","), score,
        tostring(stopped)))
    file:close()
    return nil
end
