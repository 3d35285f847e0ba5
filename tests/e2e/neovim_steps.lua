-- What a person does in Neovim, and what is then on the screen, as JSON in the file that $SEEN names.
-- Run by test_neovim.py, with a broken data set open and the snippet of docs/editors.md for this version sourced.
-- $FIX_ON_SAVE: a file with the snippet that makes all safe fixes when a file is written.
local patience = 60000
local seen = {}

local function leave()
  vim.fn.writefile({ vim.fn.json_encode(seen) }, vim.env.SEEN)
  vim.cmd("qall!")
end

local function until_(what, condition)
  if not vim.wait(patience, condition, 20) then
    seen.failed = what
    leave()
  end
end

local function float()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= "" then
      return vim.api.nvim_win_get_buf(window)
    end
  end
end

-- Of what is offered, take the fix of the role.
vim.ui.select = function(items, options, chosen)
  for index, item in ipairs(items) do
    if string.find(options.format_item(item), "Change the role to assistant", 1, true) then
      return chosen(item, index)
    end
  end
end

until_("diagnostics", function() return #vim.diagnostic.get(0) == 10 end)
seen.diagnostics = vim.tbl_map(function(one)
  return { line = one.lnum + 1, from = one.col, to = one.end_col, code = one.code or one.user_data.lsp.code }
end, vim.diagnostic.get(0))

vim.api.nvim_win_set_cursor(0, { 2, 3 })
vim.lsp.buf.hover()
until_("a hover", float)
seen.hover = vim.api.nvim_buf_get_lines(float(), 0, -1, false)

if vim.lsp.inlay_hint then
  vim.lsp.inlay_hint.enable()
  until_("hints", function() return #vim.lsp.inlay_hint.get() > 0 end)
  seen.hint = vim.lsp.inlay_hint.get()[1].inlay_hint.label
end

local role = vim.tbl_filter(function(one) return one.code == "SF106" end, seen.diagnostics)[1]
local before = vim.api.nvim_buf_get_changedtick(0)
vim.api.nvim_win_set_cursor(0, { role.line, role.from + 1 })
vim.lsp.buf.code_action()
until_("a fix", function() return vim.api.nvim_buf_get_changedtick(0) ~= before end)
vim.cmd("write")
seen.written = vim.fn.readfile(vim.fn.expand("%"))

vim.cmd("luafile " .. vim.env.FIX_ON_SAVE)
vim.cmd("write")
seen.messages = vim.fn.execute("messages")
leave()
